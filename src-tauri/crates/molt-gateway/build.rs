//! Says when the built user interface must be put into the library again.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A debug build reads the files from the disk when they are asked for, and must not be rebuilt for each of them.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../../../ui/dist");
    }
}
