package endpoint

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// newBounded limits the number of open connections in all and for each address; a connection beyond the limit is closed at once, so that idle
// connections of one client keep nobody else out and no connection waits unseen.
func newBounded(l net.Listener, all, each int) net.Listener {
	return &bounded{Listener: l, all: all, each: each, open: map[string]int{}}
}

type bounded struct {
	net.Listener
	all, each int

	mu    sync.Mutex
	total int
	open  map[string]int // by address
}

func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := address(c)
		if b.enter(from) {
			return &counted{Conn: c, leave: sync.OnceFunc(func() { b.leave(from) })}, nil
		}
		_ = c.Close() // the client is told nothing more
	}
}

// client is the address a request comes from.
func client(r *http.Request) string { return network(r.RemoteAddr) }

func address(c net.Conn) string { return network(c.RemoteAddr().String()) }

// network is what distinguishes clients: the IP address or, for IPv6, the 64-bit network that belongs to one client.
func network(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	ip := at.Addr().Unmap()
	if ip.Is6() {
		if net, err := ip.Prefix(64); err == nil {
			return net.String()
		}
	}
	return ip.String()
}

func (b *bounded) enter(from string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.total >= b.all || b.open[from] >= b.each {
		return false
	}
	b.total++
	b.open[from]++
	return true
}

func (b *bounded) leave(from string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total--
	if b.open[from]--; b.open[from] == 0 {
		delete(b.open, from)
	}
}

// counted is a connection that reports its closing.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}
