package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/pion/dtls/v3"
)

// The SRTP profiles as a client offers them, the dearest first, as browsers do. A server prefers them the other way around.
var profiles = []dtls.SRTPProtectionProfile{
	dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	dtls.SRTP_AEAD_AES_128_GCM,
	dtls.SRTP_AEAD_AES_256_GCM,
}

// runDTLS shakes hands once, as a client with -connect and else as a server, and prints "profile: NUMBER" and "Keying
// material: HEX", the exporter's bytes. It then reads until the other side says goodbye.
func runDTLS(arguments []string) error {
	flags := flag.NewFlagSet("dtls", flag.ExitOnError)
	connect := flags.String("connect", "", "address of the server")
	certificate := flags.String("certificate", "", "certificate, DER")
	key := flags.String("key", "", "its key, PKCS #8 in DER")
	length := flags.Int("export", 60, "bytes to export")
	count := flags.Int("profiles", len(profiles), "how many of the SRTP profiles are known")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	identity, err := readIdentity(*certificate, *key)
	if err != nil {
		return err
	}
	known := slices.Clone(profiles[:*count])
	if *connect == "" {
		slices.Reverse(known)
	}
	config := &dtls.Config{
		Certificates:           []tls.Certificate{identity},
		SRTPProtectionProfiles: known,
		ExtendedMasterSecret:   dtls.RequireExtendedMasterSecret,
		ClientAuth:             dtls.RequireAnyClientCert,
		InsecureSkipVerify:     true,
		FlightInterval:         100 * time.Millisecond,
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	conn, err := meet(socket, *connect, config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	return report(conn, *length)
}

func readIdentity(certificate, key string) (tls.Certificate, error) {
	der, err := os.ReadFile(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := os.ReadFile(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(private)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: parsed}, err
}

// A server learns its peer's address from a first datagram, which is dropped like one that the network has lost.
func meet(socket net.PacketConn, connect string, config *dtls.Config) (*dtls.Conn, error) {
	if connect != "" {
		server, err := net.ResolveUDPAddr("udp", connect)
		if err != nil {
			return nil, err
		}
		return dtls.Client(socket, server, config)
	}
	fmt.Printf("listening: %s\n", socket.LocalAddr())
	_, client, err := socket.ReadFrom(make([]byte, 2048))
	if err != nil {
		return nil, err
	}
	return dtls.Server(socket, client, config)
}

func report(conn *dtls.Conn, length int) error {
	state, ok := conn.ConnectionState()
	if !ok {
		return fmt.Errorf("no state after the handshake")
	}
	exported, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, length)
	if err != nil {
		return err
	}
	profile, _ := conn.SelectedSRTPProtectionProfile()
	fmt.Printf("profile: %d\nKeying material: %X\n", profile, exported)
	for {
		if _, err := conn.Read(make([]byte, 2048)); err != nil {
			fmt.Println("closed")
			return nil
		}
	}
}
