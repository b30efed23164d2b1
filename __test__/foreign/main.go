// Command foreign is another media server for the tests: WHEP that sends numbered pictures and sound, and WHIP that
// checks them. All its media goes over one UDP port, as with most servers.
//
//	POST /whep/NAME, POST /whip/NAME, DELETE of what Location names, GET /figures
//
// It prints its URL as soon as it serves. `foreign dtls` is one end of a DTLS handshake instead.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "dtls" {
		if err := runDTLS(os.Args[2:]); err != nil {
			log.Fatal(err)
		}
		return
	}
	listen := flag.String("listen", "127.0.0.1:0", "HTTP address")
	udp := flag.String("udp", "127.0.0.1:0", "UDP address for media")
	lite := flag.Bool("lite", false, "be ICE-lite")
	flag.Parse()
	if err := run(*listen, *udp, *lite); err != nil {
		log.Fatal(err)
	}
}

func run(listen, udp string, lite bool) error {
	api, err := newAPI(udp, lite)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &server{api: api, sessions: map[string]*webrtc.PeerConnection{}, media: newSource()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /whep/{name}", server.whep)
	mux.HandleFunc("POST /whip/{name}", server.whip)
	mux.HandleFunc("DELETE /sessions/{id}", server.end)
	mux.HandleFunc("GET /figures", server.showFigures)
	fmt.Printf("http://%s\n", listener.Addr())
	return http.Serve(listener, mux)
}

func newAPI(udp string, lite bool) (*webrtc.API, error) {
	socket, err := net.ListenPacket("udp", udp)
	if err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetICEUDPMux(ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket}))
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetLite(lite)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return webrtc.NewAPI(webrtc.WithSettingEngine(settings)), nil
}

type server struct {
	api     *webrtc.API
	media   *source
	mutex   sync.Mutex
	next    int
	figures figures

	sessions map[string]*webrtc.PeerConnection
}

// figures is what GET /figures tells.
type figures struct {
	Sessions int `json:"sessions"`
	Ended    int `json:"ended"`
	// Pictures that were received whole, and of those the ones that are not what was sent.
	Frames    int `json:"frames"`
	KeyFrames int `json:"keyFrames"`
	Broken    int `json:"broken"`
	// Packets of sound.
	Audio int `json:"audio"`
	// The `Authorization` of the last request.
	Authorization string `json:"authorization"`
}

func (s *server) whep(response http.ResponseWriter, request *http.Request) {
	s.open(response, request, func(peer *webrtc.PeerConnection) error { return s.media.sendTo(peer) })
}

func (s *server) whip(response http.ResponseWriter, request *http.Request) {
	s.open(response, request, func(peer *webrtc.PeerConnection) error {
		peer.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { s.check(peer, track) })
		return nil
	})
}

func (s *server) open(
	response http.ResponseWriter,
	request *http.Request,
	prepare func(*webrtc.PeerConnection) error,
) {
	offer, err := io.ReadAll(io.LimitReader(request.Body, 1<<16))
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	peer, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err == nil {
		err = errors.Join(prepare(peer), answer(peer, string(offer)))
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	id := s.keep(peer, request.Header.Get("Authorization"))
	response.Header().Set("Content-Type", "application/sdp")
	response.Header().Set("Location", "/sessions/"+id)
	response.Header().Set("Link", `<stun:stun.example:3478>; rel="ice-server"`)
	response.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(response, peer.LocalDescription().SDP)
}

func answer(peer *webrtc.PeerConnection, offer string) error {
	err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer})
	if err != nil {
		return err
	}
	answer, err := peer.CreateAnswer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(answer); err != nil {
		return err
	}
	<-gathered
	return nil
}

func (s *server) keep(peer *webrtc.PeerConnection, authorization string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.next++
	id := fmt.Sprint(s.next)
	s.sessions[id] = peer
	s.figures.Sessions++
	s.figures.Authorization = authorization
	return id
}

func (s *server) end(response http.ResponseWriter, request *http.Request) {
	s.mutex.Lock()
	peer := s.sessions[request.PathValue("id")]
	delete(s.sessions, request.PathValue("id"))
	if peer != nil {
		s.figures.Ended++
	}
	s.mutex.Unlock()
	if peer == nil {
		http.NotFound(response, request)
		return
	}
	_ = peer.Close()
}

func (s *server) showFigures(response http.ResponseWriter, _ *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_ = json.NewEncoder(response).Encode(s.figures)
}

func (s *server) count(change func(*figures)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(&s.figures)
}
