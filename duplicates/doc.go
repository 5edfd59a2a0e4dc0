// Package duplicates finds images that occur twice, and images unlike all others, in a feature store, a features.npy or a run folder.
//
// Open reads the features and, if their location is known, the images; Set.Find searches them. Images with the same bytes are exact copies.
// Near duplicates are found among nearest neighbours and confirmed by the correlation of thumbnails; without images, only the features are
// compared (Set.Unseen says why). Package report/inspection has the rules, package inspect the search, and
// inspection.Findings.WriteDuplicates and WriteOutliers the tables.
package duplicates
