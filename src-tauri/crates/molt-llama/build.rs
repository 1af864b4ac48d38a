//! Leads llama.cpp's attention to `src/attention`, where it is computed, the making of a context to `src/abort.rs`, its empty memory to
//! `src/blank.rs`, its copying of weights to `src/mapping.rs`, and the writing of keys and values to `src/room.rs`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|target| target == value);
    // `molt_engine_client::memory` says the same.
    if is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo:rustc-link-arg=-Wl,--wrap=ggml_backend_buffer_clear");
        println!("cargo:rustc-link-arg=-Wl,--wrap=ggml_backend_tensor_set");
        if is("CARGO_CFG_TARGET_ARCH", "x86_64") {
            println!("cargo:rustc-link-arg=-Wl,--wrap=ggml_compute_forward_flash_attn_ext");
            println!("cargo:rustc-link-arg=-Wl,--wrap=ggml_compute_forward_set_rows");
            println!("cargo:rustc-link-arg=-Wl,--wrap=llama_new_context_with_model");
        }
    }
}
