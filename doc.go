// Package iconic sorts images into groups without labels. The work is in its sub-packages, which Go programs may use as the command
// `pipeline` does:
//
//   - iconic/extract turns images into features and keeps them in a store (extract/store), or gives them for single images
//     (Embedder);
//   - iconic/features opens what heads are trained on: stores, matrices;
//   - iconic/head trains clustering heads on features; head/icon is the engine for methods of one's own;
//   - iconic/run owns run folders: it trains into them, scores, and reads them; iconic/sweep trains over many settings, iconic/comparison sets
//     runs side by side;
//   - iconic/classify puts a run to use on new images; iconic/endpoint does over HTTP;
//   - iconic/report scores clusterings, and makes the page (report/page);
//   - iconic/models knows the encoders.
//
// None of them prints, keeps state of its own or ends the program; what takes long takes a context. The examples here run as tests.
package iconic
