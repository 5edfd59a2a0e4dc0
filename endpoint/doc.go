// Package endpoint answers over HTTP what an image is: POST an image, get JSON.
//
// Every request waits for one of a bounded number of places, so that load beyond what the encoder can serve is refused at once (429)
// instead of piling up. Bodies are read and decoded by a few requests at a time; what is ready waits for the encoder, which
// takes what waits, up to a full batch, as soon as it has done the last one: batches grow with the load, as far as that costs the next one
// little, and no lone image waits. Turns are by what was done for an address lately, light requests go before heavy ones, and refusals of an
// address come later each time.
//
// What it refuses, and how: 413 too many bytes or pixels; 415 no image, or a format that is not read; 422 an image that is damaged; 408
// a body that comes too slowly; 429 too many requests at once; 503 while it ends, or where an answer takes too long.
package endpoint
