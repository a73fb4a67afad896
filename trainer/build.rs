//! Links the binaries of this package so that they find libtorch by themselves.
//!
//! `torch-sys` publishes where its libraries lie; a library's own build script
//! cannot set link arguments for our binaries, so it happens here.

fn main() {
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,--enable-new-dtags");
        println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/torch/lib");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
}
