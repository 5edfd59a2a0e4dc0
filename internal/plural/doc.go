// Package plural gives words the form that goes with a number, so that messages and pages read well for one thing, too: "1 image is", "2 images
// are". It also groups the digits of large numbers.
package plural
