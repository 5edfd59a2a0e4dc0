package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
)

// listen opens the address of a flag.
func listen(flag, address string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, usagef("--%s %s: want an address and a port, such as 127.0.0.1:8080 for this machine only, or :8080 for every network", flag, address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Err != nil {
			err = op.Err // without the address and the words of the library
		}
		return nil, fmt.Errorf("--%s %s: %w; choose another address with --%s", flag, address, err, flag)
	}
	return l, nil
}

// listening are the addresses of a server as JSON.
type listening struct {
	Listening string `json:"listening"`
	Health    string `json:"health,omitempty"`
}

// tellListening writes the address of a server, and that of its health if it has one of its own, once they take requests: as JSON on one line, or in words.
func (a *app) tellListening(words string, of, health net.Listener) error {
	at := listening{Listening: "http://" + of.Addr().String()}
	if health != nil {
		at.Health = "http://" + health.Addr().String()
	}
	if a.json {
		return json.NewEncoder(a.out).Encode(at)
	}
	_, err := fmt.Fprintf(a.out, "%s %s\n", words, at.Listening)
	if err == nil && at.Health != "" {
		_, err = fmt.Fprintf(a.out, "health at %s\n", at.Health)
	}
	return err
}
