// Package endpoint classifies images over HTTP: POST an image, get JSON.
//
// New makes an Endpoint from a run in use (Of), and Endpoint.Serve serves it until a context ends. It is also an http.Handler, for a server with
// other pages; Endpoint.Run must then run beside it.
//
// Every request takes one of a bounded number of places, so that load beyond what the encoder can serve is refused at once (429) instead of
// queueing. A few requests at a time are read and decoded. Prepared images wait for the encoder, which takes those that are waiting, up to a
// full batch, as soon as it is free: batches grow with the load as long as that hardly delays the next one, and a lone image does not wait.
// Addresses take turns by how much work was recently done for each, light requests go before heavy ones, and an address that is refused repeatedly
// is answered later each time.
//
// Refusals have these statuses, and a JSON object with the reason as "error": 400 a form without a file or with several, or a body cut short;
// 403 a page of another web site; 404 no such path, or a run without a report; 405 another method; 408 a body that arrives too slowly; 413 too many bytes
// or pixels; 415 not an image, or an unsupported format; 421 a host name that is not in Options.Hosts; 422 a damaged image; 429 too many requests at once;
// 500 the encoder or the head failed; 503 the server is shutting down (a body has 2 s left to arrive), or an answer takes too long. All are counted in
// /metrics, with status 499 where the client left before the answer. What net/http refuses because it is not HTTP, or because its headers are too large,
// does not reach the endpoint.
package endpoint
