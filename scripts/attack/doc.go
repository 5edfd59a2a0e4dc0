// Command attack measures `pipeline serve` under attack: 200 clients that send every hostile kind of request there is, each from an
// address of its own, beside 10 honest ones.
//
//	go run ./scripts/attack -pipeline bin/pipeline -run iconic-demo/run -picture iconic-demo/pictures/disc/0000.png
//
// Server, honest clients and hostile ones are three processes. Attackers have machines of their own in life; here they share the
// server's processors, and so they run at a lower priority (nice 10): what is measured is what the server does about them, not what
// making their requests costs. How much of that is left is told by a control, in which the same attackers attack a server that does
// nothing but refuse, while the honest clients ask the true one.
//
// It prints the table of docs/reliability.md, and fails where a promise made there is not held: peak memory within the budget and a
// fifth, no honest request lost, the honest requests' median under twice the quiet one, goroutines and descriptors back to where they
// were within ten seconds. It reads /proc, and so runs on Linux alone.
package main
