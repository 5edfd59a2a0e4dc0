// Package inspect searches a set of images for duplicates and outliers: it finds the neighbours of each content (head/knn), caches them
// beside the features, and applies the rules of report/inspection.
package inspect
