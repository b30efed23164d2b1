package main

import (
	"encoding/binary"
	"log"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/samplebuilder"
)

const (
	pictureInterval = time.Second / 30
	soundInterval   = 20 * time.Millisecond
	// Pictures are of two to four packets.
	pictureBytes = 3000
	// Of a VP8 frame header (RFC 6386 §9.1), then the number of the picture, then bytes that follow from it.
	keyHeader   = 10
	interHeader = 3
)

// source sends the same numbered pictures to everybody.
type source struct {
	video *webrtc.TrackLocalStaticSample
	audio *webrtc.TrackLocalStaticSample
	// Somebody asked for a key frame.
	wanted atomic.Bool
}

func newSource() *source {
	video, err := webrtc.NewTrackLocalStaticSample(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "foreign")
	if err != nil {
		log.Fatal(err)
	}
	audio, err := webrtc.NewTrackLocalStaticSample(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "foreign")
	if err != nil {
		log.Fatal(err)
	}
	s := &source{video: video, audio: audio}
	go s.film()
	go s.play()
	return s
}

func (s *source) sendTo(peer *webrtc.PeerConnection) error {
	for _, track := range []webrtc.TrackLocal{s.video, s.audio} {
		sender, err := peer.AddTrack(track)
		if err != nil {
			return err
		}
		go s.listen(sender)
	}
	return nil
}

func (s *source) listen(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				s.wanted.Store(true)
			}
		}
	}
}

func (s *source) film() {
	ticker := time.NewTicker(pictureInterval)
	for number := uint32(0); ; number++ {
		<-ticker.C
		isKey := s.wanted.Swap(false) || number%60 == 0
		_ = s.video.WriteSample(media.Sample{Data: picture(number, isKey), Duration: pictureInterval})
	}
}

func (s *source) play() {
	ticker := time.NewTicker(soundInterval)
	for {
		<-ticker.C
		// 20 ms of silence (RFC 6716).
		_ = s.audio.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: soundInterval})
	}
}

func picture(number uint32, isKey bool) []byte {
	header := []byte{0x11, 0, 0}
	if isKey {
		// Start code, 320 by 240.
		header = []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00}
	}
	data := binary.BigEndian.AppendUint32(header, number)
	for place := len(data); place < pictureBytes; place++ {
		data = append(data, pattern(number, place))
	}
	return data
}

func pattern(number uint32, place int) byte {
	return byte(number*31 + uint32(place)*7)
}

// isIntact tells whether data is a picture as the source makes them, and whether it is a key frame.
func isIntact(data []byte) (intact, isKey bool) {
	if len(data) != pictureBytes {
		return false, false
	}
	isKey = data[0]&1 == 0
	header := interHeader
	if isKey {
		header = keyHeader
	}
	number := binary.BigEndian.Uint32(data[header:])
	for place := header + 4; place < len(data); place++ {
		if data[place] != pattern(number, place) {
			return false, isKey
		}
	}
	return true, isKey
}

// check reads a track to its end.
func (s *server) check(peer *webrtc.PeerConnection, track *webrtc.TrackRemote) {
	if track.Kind() == webrtc.RTPCodecTypeAudio {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			s.count(func(f *figures) { f.Audio++ })
		}
	}
	go askForKeyFrames(peer, track)
	builder := samplebuilder.New(64, &codecs.VP8Packet{}, track.Codec().ClockRate)
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		builder.Push(packet)
		for sample := builder.Pop(); sample != nil; sample = builder.Pop() {
			intact, isKey := isIntact(sample.Data)
			s.count(func(f *figures) {
				f.Frames++
				if isKey {
					f.KeyFrames++
				}
				if !intact {
					f.Broken++
				}
			})
		}
	}
}

func askForKeyFrames(peer *webrtc.PeerConnection, track *webrtc.TrackRemote) {
	for range time.Tick(time.Second) {
		request := &rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}
		if peer.WriteRTCP([]rtcp.Packet{request}) != nil {
			return
		}
	}
}
