// Package curator serves the page on which a person curates the clusters of a run.
//
// Open finds the features and the images of a run for its curation (run.Finished.Curate), and Opened.Serve serves the page until a context
// ends. New makes the http.Handler alone, of what a program holds in memory.
//
// The page asks for little at a time: the list of clusters, the images of one of them that are in view, a thumbnail for each. The server
// holds the curation (package curation), the order of the images in each cluster, and as many thumbnails as a budget allows; thumbnails
// are made on request, a few at a time.
//
// A change is a POST that carries the number of steps the page has seen, and is refused if there have been others since, so a request that
// is sent twice takes effect once. It is answered after the change has reached the disk.
//
// The server answers only its own page: every change carries a token that only the page knows, requests from other sites are refused by
// their host name and by the origin that browsers send, and the content security policy lets the page contact only its own server.
package curator
