package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// The reflect command measures the delay through something that sends every
// datagram back: what sending, the kernel and waking up take without a server.

type reflectResult struct {
	Command  string    `json:"command"`
	Flows    int       `json:"flows"`
	Sent     uint64    `json:"sent"`
	Received uint64    `json:"received"`
	NetDelay quantiles `json:"net_delay_ms"`
}

func cmdReflect(args []string) error {
	fs := newFlags("reflect")
	to := fs.String("to", "", "address of the reflector")
	flows := fs.Int("flows", 50, "flows")
	rate := bitRate(1_500_000)
	fs.Var(&rate, "rate", "video bit rate of each flow")
	duration := fs.Duration("duration", 10*time.Second, "measuring window")
	tick := fs.Duration("tick", 0, "keep the gaps between packets to about this; 0: to a millisecond")
	asJSON, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	addr, err := net.ResolveUDPAddr("udp4", *to)
	if err != nil || *flows < 1 {
		return errors.New("-to and -flows are required")
	}
	still, err := metronome(*tick)
	if err != nil {
		return err
	}
	defer still()
	res := reflectResult{Command: "reflect", Flows: *flows}
	ctx, stop := context.WithTimeout(context.Background(), *duration)
	defer stop()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var delays []int64
	var failed error
	for i := range *flows {
		wg.Add(1)
		go func() {
			defer wg.Done()
			time.Sleep(time.Duration(i) * 33 * time.Millisecond / time.Duration(*flows))
			f := reflectFlow{addr: addr, rate: int(rate)}
			err := f.run(ctx)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			res.Sent += f.sent
			delays = append(delays, f.delays...)
		}()
	}
	wg.Wait()
	if failed != nil {
		return failed
	}
	res.Received = uint64(len(delays))
	res.NetDelay = summarize(delays, 1e-6)
	return emit(asJSON, res, res.table)
}

// reflectFlow sends what a publisher would, sealed, and times what comes back.
type reflectFlow struct {
	addr   *net.UDPAddr
	rate   int
	sent   uint64
	delays []int64
}

func (f *reflectFlow) run(ctx context.Context) error {
	sock, err := listenLoopback(1 << 20)
	if err != nil {
		return err
	}
	conn, err := newStampConn(sock)
	if err != nil {
		return err
	}
	keys := make([]byte, 44)
	_, _ = rand.Read(keys)
	seal, err := srtp.CreateContext(keys[:32], keys[32:], srtp.ProtectionProfileAeadAes256Gcm)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	at := map[uint16]int64{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1600)
		for {
			n, _, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			var h rtp.Header
			if _, err := h.Unmarshal(buf[:n]); err != nil {
				continue
			}
			arrived, ok := conn.arrived(h.SSRC, h.SequenceNumber)
			mu.Lock()
			if from, known := at[h.SequenceNumber]; known && ok {
				f.delays = append(f.delays, arrived-from)
				delete(at, h.SequenceNumber)
			}
			mu.Unlock()
		}
	}()
	p := publisher{cfg: streamConfig{codec: "h264", rate: f.rate, size: 1200, fps: 30, gop: 2 * time.Second, spacing: 100 * time.Microsecond}}
	l := layer{layerConfig: layerConfig{rate: f.rate, width: 1280, height: 720}, sent: &p.videoSent}
	l.prepare(p.cfg)
	l.send = func(pl payload, h rtp.Header) error {
		now := monotonic()
		h.PayloadType, h.SSRC = ptH264, 1
		raw, err := (&rtp.Packet{Header: h, Payload: pl.data}).Marshal()
		if err != nil {
			return err
		}
		sealed, err := seal.EncryptRTP(nil, raw, nil)
		if err != nil {
			return err
		}
		mu.Lock()
		at[h.SequenceNumber] = now
		mu.Unlock()
		f.sent++
		_, err = conn.WriteToUDP(sealed, f.addr)
		return err
	}
	start := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		due := start.Add(time.Duration(n) * time.Second / 30)
		if !sleepUntil(ctx, due) || !l.frame(ctx, &p, due.Sub(start)) {
			break
		}
	}
	time.Sleep(straggle)
	err = conn.Close()
	<-done
	return err
}

func (r reflectResult) table(w io.Writer) {
	fmt.Fprintf(w, "reflect: %d flows\n", r.Flows)
	row(w, "came back", "%d of %d", r.Received, r.Sent)
	row(w, "delay to the socket", "%s", r.NetDelay)
}
