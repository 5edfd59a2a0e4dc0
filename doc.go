// Package iconic sorts images into groups without labels. The work is in its sub-packages, which Go programs may use as the command
// `pipeline` does:
//
//   - iconic/extract turns images into features and keeps them in a store (extract/store), or gives them for single images
//     (Embedder);
//   - iconic/head trains clustering heads on features and reads run folders; head/icon is the engine for methods of one's own;
//   - iconic/report scores clusterings, and makes the page (report/page);
//   - iconic/models knows the encoders.
//
// None of them prints, keeps state of its own or ends the program; what takes long takes a context. The examples here run as tests.
package iconic
