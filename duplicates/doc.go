// Package duplicates finds images that are there twice, and images unlike all others, in a feature store, a features.npy or a run folder.
//
// Open reads the features and, where it is known where they lie, the images that they are of; Set.Find looks through them. Images with the
// same bytes are exact copies. Near duplicates are found among nearest neighbours and confirmed by the correlation of thumbnails; without
// images the features decide alone (Set.Unseen says why). Package report/inspection has the rules, package inspect the search, and
// inspection.Findings.WriteDuplicates and WriteOutliers the tables.
package duplicates
