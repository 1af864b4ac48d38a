//! Leads llama.cpp's attention to `src/attention`, where it is computed, and the making of a context to `src/abort.rs`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|target| target == value);
    // `molt_engine_client::memory::LED` says the same.
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ARCH", "x86_64") {
        for function in ["ggml_compute_forward_flash_attn_ext", "llama_new_context_with_model"] {
            println!("cargo:rustc-link-arg=-Wl,--wrap={function}");
        }
    }
}
