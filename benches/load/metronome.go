package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// metronome wakes this process that often until stop is called.
//
// Go waits for its timers in whole milliseconds when it has nothing else to do,
// so that packets that were to leave at times of their own leave together, those
// of all publishers in one burst per millisecond. A timer of the kernel is on
// time, and once awake Go looks at its own timers too.
func metronome(every time.Duration) (stop func(), err error) {
	if every <= 0 {
		return func() {}, nil
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("metronome: %w", err)
	}
	beat := unix.NsecToTimespec(int64(every))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: beat, Value: beat}, nil); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("metronome: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "metronome")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for expirations := make([]byte, 8); ; {
			if _, err := timer.Read(expirations); err != nil {
				return
			}
		}
	}()
	return func() {
		_ = timer.Close()
		<-done
	}, nil
}
