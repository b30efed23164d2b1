package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
	"golang.org/x/sys/unix"
)

// The garbage command floods the server's media port while viewers play.

type garbageResult struct {
	Command string        `json:"command"`
	Quiet   windowResult  `json:"quiet"` // before the flood
	Floods  []floodResult `json:"floods"`
}

type floodResult struct {
	Kind   string       `json:"kind"`
	Sent   uint64       `json:"sent"`
	Rate   float64      `json:"rate"`
	Size   int          `json:"size"`
	Window windowResult `json:"window"`
}

// garbageKinds are what strangers send, and what a viewer sends that seals wrong.
var garbageKinds = map[string]func() []byte{
	"random": func() []byte { return noise(200) },
	"rtp":    func() []byte { return rtpNoise(0) },
	"stun":   strangerCheck,
	"dtls":   dtlsNoise,
	"viewer": func() []byte { return rtpNoise(0x5EA1) }, // from the address of a viewer
}

func cmdGarbage(args []string) error {
	var t target
	fs := newFlags("garbage")
	t.register(fs, "1500k")
	fs.Var(&t.rate, "rate", "video bit rate")
	kinds := fs.String("kinds", "random,rtp,stun,dtls,viewer", "what to send, one window each")
	flood := fs.Float64("garbage-rate", 200_000, "packets per second")
	hot := fs.Int("subs", 5, "hot subscribers")
	cold := fs.Int("cold", 100, "cold subscribers")
	duration := fs.Duration("duration", 5*time.Second, "window of each kind")
	asJSON, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	sc, hc, err := t.scene(liteConfig{})
	if err != nil {
		return err
	}
	defer sc.close()
	time.Sleep(time.Second)
	errs := errorCount{}
	sc.joinMixed(hc, *hot, *cold, 50, errs)
	viewers := sc.crowd.list()
	if len(viewers) == 0 || errs.total() > 0 {
		return fmt.Errorf("joins failed: %s", countList(errs))
	}
	time.Sleep(2 * time.Second)
	res := garbageResult{Command: "garbage", Quiet: sc.measure(*duration)}
	for _, kind := range strings.Split(*kinds, ",") {
		if garbageKinds[kind] == nil {
			return fmt.Errorf("unknown kind %q", kind)
		}
		f, err := sc.flood(kind, *flood, *duration, viewers[0])
		if err != nil {
			return err
		}
		res.Floods = append(res.Floods, f)
	}
	return emit(asJSON, res, res.table)
}

// flood measures a window while packets of one kind arrive at the server.
func (s *scene) flood(kind string, rate float64, length time.Duration, viewer *liteSub) (floodResult, error) {
	sock := viewer.sock
	if kind != "viewer" {
		own, err := listenLoopback(0)
		if err != nil {
			return floodResult{}, err
		}
		defer own.Close()
		sock = own
	}
	packets := make([][]byte, 512)
	for i := range packets {
		packets[i] = garbageKinds[kind]()
	}
	var sent atomic.Uint64
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- floodFrom(sock, viewer.remote.Port(), packets, rate, &sent, stop) }()
	time.Sleep(200 * time.Millisecond)
	before, from := sent.Load(), monotonic()
	f := floodResult{Kind: kind, Size: len(packets[0])}
	a := s.snap()
	time.Sleep(length)
	b := s.snap()
	f.Sent = sent.Load() - before
	f.Rate = float64(f.Sent) / (float64(monotonic()-from) / 1e9)
	close(stop)
	if err := <-done; err != nil {
		return f, err
	}
	time.Sleep(straggle)
	f.Window = s.judge(a, b)
	return f, nil
}

// floodFrom sends packets at a steady rate until it is stopped.
func floodFrom(sock *net.UDPConn, port uint16, packets [][]byte, rate float64, sent *atomic.Uint64, stop chan struct{}) error {
	to := &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}
	rc, err := sock.SyscallConn()
	if err != nil {
		return err
	}
	start := monotonic()
	for n := uint64(0); ; {
		select {
		case <-stop:
			return nil
		default:
		}
		due := uint64(float64(monotonic()-start) / 1e9 * rate)
		if n >= due {
			time.Sleep(500 * time.Microsecond)
			continue
		}
		var failed error
		err := rc.Write(func(fd uintptr) bool {
			for ; n < due; n++ {
				if failed = unix.Sendto(int(fd), packets[n%uint64(len(packets))], 0, to); failed != nil {
					break
				}
				sent.Add(1)
			}
			return true
		})
		if errors.Is(failed, unix.EAGAIN) || errors.Is(failed, unix.ECONNREFUSED) {
			failed = nil
		}
		if err := errors.Join(err, failed); err != nil {
			return err
		}
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// rtpNoise looks like SRTP of 200 bytes; ssrc 0 draws one.
func rtpNoise(ssrc uint32) []byte {
	b := noise(200)
	b[0], b[1] = 0x80, ptVP8
	if ssrc != 0 {
		binary.BigEndian.PutUint32(b[8:], ssrc)
	}
	return b
}

// dtlsNoise looks like a DTLS 1.2 record of application data.
func dtlsNoise() []byte {
	b := noise(200)
	copy(b, []byte{23, 0xFE, 0xFD, 0, 1})
	binary.BigEndian.PutUint16(b[11:], uint16(len(b)-13))
	return b
}

// strangerCheck is a well-formed connectivity check for nobody.
func strangerCheck() []byte {
	m, err := bindingRequest(randomString(8), randomString(8), randomString(24))
	if err != nil {
		return (&stun.Message{}).Raw
	}
	return m.Raw
}

func (r garbageResult) table(w io.Writer) {
	fmt.Fprintf(w, "garbage: %d viewers, before: %.1f %% busy, lost %d\n",
		r.Quiet.Cold.Subscribers+r.Quiet.Hot.Subscribers, r.Quiet.Server.CPUPct, r.Quiet.Hot.Lost)
	for _, f := range r.Floods {
		row(w, f.Kind, "%.0f/s of %d bytes, %.1f %% busy, lost %d, RSS %.1f MB",
			f.Rate, f.Size, f.Window.Server.CPUPct, f.Window.Hot.Lost, f.Window.Server.RSSMB)
	}
}
