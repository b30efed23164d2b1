//! Tells the linker how Node.js loads the binding.

fn main() {
    napi_build::setup();
}
