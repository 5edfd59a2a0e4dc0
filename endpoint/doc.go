// Package endpoint answers over HTTP which cluster an image belongs to: POST an image, get JSON.
//
// New makes an Endpoint of a run in use (Of), and Endpoint.Serve serves it until a context ends. It is an http.Handler, too, for a server that
// has more to answer; Endpoint.Run must run beside that.
//
// Every request takes one of a bounded number of places, so that load beyond what the encoder can serve is refused at once (429) instead of
// piling up. A few requests at a time are read and decoded. Prepared images wait for the encoder, which takes those that are waiting, up to a
// full batch, as soon as it is free: batches grow with the load while that costs the next one little, and a lone image does not wait. Addresses
// take turns by how much was done for each lately, light requests go before heavy ones, and an address that is refused again and again is
// answered later each time.
//
// Refusals have these statuses: 413 too many bytes or pixels; 415 no image, or a format that is not read; 422 a damaged image; 408 a body that
// comes too slowly; 429 too many requests at once; 503 the server is ending, or an answer takes too long.
package endpoint
