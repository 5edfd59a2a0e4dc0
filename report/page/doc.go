// Package page writes reports as single, self-contained HTML files.
//
// A page is made in these steps:
//
//  1. Images are chosen: the most certain, the least certain and the wrong ones of each cluster, then points of the
//     map (choose.go). Each is loaded once, cropped to a square, and packed into sprite sheets, stored as JPEG data in
//     the page; size and quality are reduced to fit a budget (sprite.go).
//  2. Charts are drawn as inline SVG with the page's own colours, so that they follow dark, light and print styles (svg.go,
//     charts.go). A confusion matrix that is too large for numbers is drawn with one pixel per cell (confusion.go).
//  3. Map points, neighbours and captions are stored in one JSON block (data.go), which the page's script reads.
//  4. html/template combines them (template.go). Names of files and classes are untrusted text: the template escapes
//     them, long names are shortened, and none is used as an address.
//
// The content security policy of every page allows only its own style and script, by hash, and data: images.
package page
