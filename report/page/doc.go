// Package page writes reports as single HTML files that ask nobody for anything.
//
// A page is made in this order:
//
//  1. Pictures are chosen: of each cluster the most certain, the least certain and the wrong ones, then points of the
//     map (choose.go). Each is fetched once, cut square, and packed with its fellows into sprite sheets, JPEG data in
//     the page itself; size and quality fall until a budget holds (sprite.go).
//  2. Charts are drawn as inline SVG whose colours are the page's own, so that dark, light and print agree (svg.go,
//     charts.go). A confusion matrix too large for numbers becomes a picture of one pixel a cell (confusion.go).
//  3. Points of the map, neighbours and captions become one JSON block (data.go), which the page's script reads.
//  4. html/template joins them (template.go). Names of files and classes are text from outside: they are escaped by
//     the template, cut where they are long, and never used as an address.
//
// The content security policy of every page allows its own style and script, by hash, and data: images; nothing else.
package page
