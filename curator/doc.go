// Package curator is the page on which a person curates the clusters of a run, and the server behind it.
//
// Open finds the features and the images of a run for its curation (run.Finished.Curate), and Opened.Serve serves the page until a context
// ends. New makes the http.Handler alone, of what a program holds in memory.
//
// The page asks for little at a time: the list of clusters, the images of one of them that are in view, a thumbnail for each. The server
// holds the curation (package curation), the order of the images in each cluster, and as many thumbnails as a budget allows; thumbnails
// are made on request, a few at a time.
//
// A change is a POST that bears the number of steps that the page has seen, and is refused where there have been others since; so a
// request that is sent twice changes nothing twice. It is answered when it has reached the disk.
//
// It answers nobody but its own page: every change bears a token that only the page knows, other sites are refused by the name of the
// host and by what browsers say of a request's origin, and the content security policy lets the page speak to its server alone.
package curator
