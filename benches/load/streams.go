package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The streams command measures many small streams at once: calls, rooms, and
// publishers that nobody watches.

type streamsResult struct {
	Command    string       `json:"command"`
	Streams    int          `json:"streams"`
	Viewers    int          `json:"viewers"` // of each stream
	Rate       float64      `json:"rate"`    // video of each stream, bit/s
	Probes     int          `json:"probes"`  // of all viewers, those that check every packet
	Seconds    float64      `json:"seconds"`
	Sent       uint64       `json:"sent"` // by all publishers
	PayloadAvg float64      `json:"mean_payload"`
	Lost       uint64       `json:"lost"` // of the probes
	Corrupt    uint64       `json:"corrupt"`
	Starved    int          `json:"starved"` // cold viewers that did not get every packet once
	NetDelay   quantiles    `json:"net_delay_ms"`
	Server     serverWindow `json:"server"`
	Host       hostWindow   `json:"host"`
	Profile    string       `json:"publisher_srtp"`
	Errors     errorCount   `json:"errors"`
}

// streamsEdge is the state of everything while all publishers pause.
type streamsEdge struct {
	video, audio []uint64 // marker counters by stream
	packets      []uint64
	bytes        uint64
	hot          []uint64
	cold         [][]uint64
}

func cmdStreams(args []string) error {
	var t target
	fs := newFlags("streams")
	t.register(fs, "1500k")
	fs.Var(&t.rate, "rate", "video bit rate of each stream")
	count := fs.Int("streams", 50, "streams; their numbers are appended to both endpoints")
	viewers := fs.Int("viewers", 20, "viewers of each stream")
	probes := fs.Int("probes", 50, "streams in which one viewer checks every packet")
	duration := fs.Duration("duration", 15*time.Second, "measuring window")
	settle := fs.Duration("settle", 2*time.Second, "wait between the last join and the window")
	joinRate := fs.Float64("join-rate", 100, "joins per second")
	fill := fs.Float64("fill", 0, "raise the rate of all streams until the server is this busy, percent of one CPU")
	tick := fs.Duration("tick", 0, "keep the gaps between packets to about this; 0: to a millisecond")
	asJSON, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	if *count < 1 || *viewers < 0 || *probes > *count || *viewers == 0 && *probes > 0 {
		return errors.New("-streams, -viewers or -probes do not fit")
	}
	stop, err := metronome(*tick)
	if err != nil {
		return err
	}
	defer stop()
	res := streamsResult{Command: "streams", Streams: *count, Viewers: *viewers, Errors: errorCount{}}
	scenes, err := t.openStreams(*count, func(i int, sc *scene, hot hotConfig) {
		if probe := min(1, max(0, *probes-i)); *viewers > 0 {
			sc.joinMixed(hot, probe, *viewers-probe, *joinRate, sc.crowd.errs)
		}
	})
	defer func() { closeAll(scenes) }()
	if err != nil {
		return err
	}
	for _, sc := range scenes {
		res.Probes += len(sc.hot)
		for text, n := range sc.crowd.errs {
			res.Errors[text] += n
		}
	}
	res.Profile = scenes[0].pub.profile
	res.Rate = float64(t.rate)
	if *fill > 0 {
		res.Rate *= fillStreams(scenes, *fill)
	}
	time.Sleep(*settle)
	res.measure(scenes, *duration)
	return emit(asJSON, res, res.table)
}

// Largest and smallest share of the asked rate to which fillStreams goes.
const maxTimes, minTimes = 16, 0.25

// fillStreams makes the frames of all streams larger or smaller until the server
// is about as busy as asked, and returns how many times as large they are then.
func fillStreams(scenes []*scene, percent float64) float64 {
	times := 1.0
	for range 6 {
		time.Sleep(time.Second) // what joining or the last step costs is over
		a, from := sampleProcs(scenes[0].pids), monotonic()
		time.Sleep(4 * time.Second) // two keyframe intervals
		busy := 100 * ratio(float64(sampleProcs(scenes[0].pids).since(a).total), float64(monotonic()-from))
		if math.Abs(busy-percent) < 2 {
			break
		}
		times = min(max(times*percent/max(busy, 1), minTimes), maxTimes)
		for _, sc := range scenes {
			sc.pub.setTimes(times)
		}
	}
	return times
}

// openStreams publishes so many streams, a few at a time, since a start is mostly
// waiting, and lets the viewers of each join. It returns those that began.
func (t *target) openStreams(count int, join func(i int, sc *scene, hot hotConfig)) ([]*scene, error) {
	scenes, errs := make([]*scene, count), make([]error, count)
	var wg sync.WaitGroup
	for first := range openAtOnce {
		wg.Go(func() {
			for i := first; i < count; i += openAtOnce {
				one := *t
				one.whip, one.whep = t.whip+strconv.Itoa(i), t.whep+strconv.Itoa(i)
				sc, hot, err := one.scene(liteConfig{})
				if err != nil {
					errs[i] = err
					return
				}
				scenes[i] = sc
				join(i, sc, hot)
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(scenes, func(sc *scene) bool { return sc == nil }), errors.Join(errs...)
}

const openAtOnce = 8

// measure takes a window between two pauses of all publishers, so that no packet
// is on its way at its edges.
func (r *streamsResult) measure(scenes []*scene, length time.Duration) {
	pids := scenes[0].pids
	a := pauseAll(scenes)
	resumeAll(scenes)
	server, busy, self, from := sampleProcs(pids), cpuBusy(), selfCPU(), monotonic()
	time.Sleep(length)
	setPaused(scenes, true)
	wall := float64(monotonic() - from)
	used := sampleProcs(pids)
	d := used.since(server)
	r.Host = hostSince(busy, self, d.total, wall)
	b := pauseAll(scenes)
	r.Seconds = wall / 1e9

	var t tally
	probe := 0
	v := &r.Server
	for i, sc := range scenes {
		sent := b.packets[i] - a.packets[i]
		r.Sent += sent
		for _, h := range sc.hot {
			h.video.window(a.video[i], b.video[i], &t)
			h.audio.window(a.audio[i], b.audio[i], &t)
			v.Packets += b.hot[probe] - a.hot[probe]
			v.Expected += sent
			probe++
		}
		for k := range min(len(a.cold[i]), len(b.cold[i])) {
			got := b.cold[i][k] - a.cold[i][k]
			v.Packets += got
			v.Expected += sent
			if got != sent {
				r.Starved++
			}
		}
	}
	r.PayloadAvg = ratio(float64(b.bytes-a.bytes), float64(r.Sent))
	r.Lost, r.Corrupt = t.lost(), t.corrupt
	r.NetDelay = summarize(t.net, 1e-4)
	v.CPUSeconds = float64(d.total) / 1e9
	v.CPUPct = 100 * float64(d.total) / wall
	v.UserShare = ratio(float64(d.user), float64(d.user+d.sys))
	v.Delivered = ratio(float64(v.Packets), float64(v.Expected))
	v.PerCPUSecond = ratio(float64(v.Packets), v.CPUSeconds)
	v.MicrosPer = ratio(v.CPUSeconds*1e6, float64(v.Packets))
	v.RSSMB, v.Threads = float64(used.rss)/1e6, used.threads
}

func setPaused(scenes []*scene, paused bool) {
	for _, sc := range scenes {
		sc.pub.paused.Store(paused)
	}
}

func resumeAll(scenes []*scene) { setPaused(scenes, false) }

// pauseAll holds the publishers, waits until everything has arrived, and reads
// all counters.
func pauseAll(scenes []*scene) (e streamsEdge) {
	setPaused(scenes, true)
	time.Sleep(straggle)
	for _, sc := range scenes {
		p := sc.pub
		e.video = append(e.video, p.videoSent.counter.Load())
		e.audio = append(e.audio, p.audioSent.counter.Load())
		e.packets = append(e.packets, p.packets())
		e.bytes += p.videoSent.bytes.Load() + p.audioSent.bytes.Load()
		for _, h := range sc.hot {
			d, _ := socketDrops(h.conn.UDPConn)
			e.hot = append(e.hot, h.conn.data.Load()+uint64(d))
		}
		e.cold = append(e.cold, sc.crowd.packets())
	}
	return e
}

func closeAll(scenes []*scene) {
	var wg sync.WaitGroup
	for _, sc := range scenes {
		wg.Add(1)
		go func() {
			defer wg.Done()
			sc.close()
		}()
	}
	wg.Wait()
}

func (r streamsResult) table(w io.Writer) {
	fmt.Fprintf(w, "streams: %d with %d viewers each, %.1f Mbit/s, %.1f s\n", r.Streams, r.Viewers, r.Rate/1e6, r.Seconds)
	row(w, "received", "%d packets, %.0f/s, %.0f bytes on average", r.Sent, ratio(float64(r.Sent), r.Seconds), r.PayloadAvg)
	row(w, "delivered", "%d of %d (%.3f %%), %d starved", r.Server.Packets, r.Server.Expected, 100*r.Server.Delivered, r.Starved)
	row(w, "probes", "%d, lost %d, corrupt %d", r.Probes, r.Lost, r.Corrupt)
	row(w, "delay to the socket", "%s", r.NetDelay)
	row(w, "CPU", "%.3f s = %.1f %% of one core, %.2f µs per packet received",
		r.Server.CPUSeconds, r.Server.CPUPct, ratio(r.Server.CPUSeconds*1e6, float64(r.Sent)))
	printErrors(w, "error", r.Errors)
	row(w, "host", "busy %s %% per CPU, generator %.0f %%, others %.0f %%",
		joinFloats(r.Host.BusyPct), r.Host.GeneratorPct, r.Host.OtherPct)
}
