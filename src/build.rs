//! Gives the Windows program its icon, its version and its manifest (scaling, long paths, UTF-8, no elevation, no console of
//! its own). Other systems need nothing.

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=assets/windows");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "windows") {
        winresource::WindowsResource::new()
            .set("ProductName", "MAKeeper")
            .set("FileDescription", "MAKeeper")
            .set("OriginalFilename", "makeeper.exe")
            .set("LegalCopyright", "MIT OR Apache-2.0")
            .set_icon("assets/windows/makeeper.ico")
            .set_manifest_file("assets/windows/makeeper.manifest")
            .compile_for("makeeper")?;
    }
    Ok(())
}
