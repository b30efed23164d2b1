package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// The memory command reads the server's resident memory at several numbers of
// viewers; the slope between two of them is what a viewer takes.

type memoryResult struct {
	Command string       `json:"command"`
	Idle    bool         `json:"idle"`
	Steps   []memoryStep `json:"steps"`
	Errors  errorCount   `json:"errors"`
}

type memoryStep struct {
	Viewers int     `json:"viewers"`
	RSSMB   float64 `json:"rss_mb"`
}

func cmdMemory(args []string) error {
	var t target
	fs := newFlags("memory")
	t.register(fs, "300k")
	fs.Var(&t.rate, "rate", "video bit rate")
	steps := fs.String("steps", "0,1000,2000", "numbers of viewers, rising")
	idle := fs.Bool("idle", false, "the stream is silent: viewers connect and get nothing")
	settle := fs.Duration("settle", 5*time.Second, "wait before each reading")
	joinRate := fs.Float64("join-rate", 100, "joins per second")
	wait := fs.Bool("wait", false, "print each step as a line of JSON and go on when a line comes")
	asJSON, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	sc, _, err := t.scene(liteConfig{silent: *idle})
	if err != nil {
		return err
	}
	defer sc.close()
	time.Sleep(time.Second) // the server has seen the stream
	sc.pub.paused.Store(*idle)
	res := memoryResult{Command: "memory", Idle: *idle, Errors: sc.crowd.errs}
	for _, text := range strings.Split(*steps, ",") {
		n, err := strconv.Atoi(text)
		have := len(sc.crowd.list())
		if err != nil || n < have {
			return errors.New("-steps are rising numbers")
		}
		sc.crowd.grow(n-have, *joinRate)
		time.Sleep(*settle)
		step := memoryStep{len(sc.crowd.list()), float64(sampleProcs(sc.pids).rss) / 1e6}
		res.Steps = append(res.Steps, step)
		if *wait {
			if err := emit(true, step, nil); err != nil {
				return err
			}
			if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
				return err
			}
		}
	}
	return emit(asJSON, res, res.table)
}

func (r memoryResult) table(w io.Writer) {
	fmt.Fprintln(w, "memory: resident")
	for _, s := range r.Steps {
		row(w, strconv.Itoa(s.Viewers)+" viewers", "%.1f MB", s.RSSMB)
	}
	printErrors(w, "error", r.Errors)
}
