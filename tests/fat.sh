#!/usr/bin/env bash
# Lists on real FAT and exFAT, where the running kernel has neither: boots a kernel of Debian that has both in a virtual machine
# and runs tests/cil_media.rs in there as the only program, as root, on sticks that this kernel mounts; with MAKEEPER_KILLS=N also
# tests/cil_kill.rs with its lists on a FAT stick (an emulated processor gets through few of them). Needs an x86-64 Debian and
# root or sudo for its packages; where they are not to be had it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/rig/common.sh
. tests/rig/common.sh
[ "$(uname -sm)" = "Linux x86_64" ] || skip "the virtual machine is an x86-64 one"
need_packages qemu-system-x86 busybox-static cpio dosfstools exfatprogs

work=$PWD/target/fat
mkdir -p "$work"
kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/ *Depends: \(linux-image-.*\)/\1/p' | head -n 1 || true)
[ -n "$kernel" ] || skip "no kernel for a virtual machine among Debian's packages"
if ! [ -e "$work/$kernel/done" ]; then
  rm -rf "${work:?}/$kernel"; mkdir "$work/$kernel"
  # Downloaded and unpacked, never installed.
  (cd "$work/$kernel" && apt-get download -qq "$kernel" 2>/dev/null && dpkg-deb -x ./*.deb . && rm ./*.deb && touch done) ||
    skip "$kernel cannot be downloaded"
fi

tests="cil_media cil_kill"
cargo test --locked --no-run $(printf -- '--test %s ' $tests)
# The newest of each; the program itself is what cil_kill starts.
built=$(cargo test --locked --no-run $(printf -- '--test %s ' $tests) --message-format=json 2>/dev/null |
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,proc,sys,dev,tmp,modules,stick}
# What a program is linked with, at the same place.
with_libraries() {
  cp "$1" "$root/$2"
  ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -Ln "$library" "$root$library"
  done
}
for program in $built; do
  name=$(basename "$program")
  with_libraries "$program" "bin/${name%-*}"
  strip "$root/bin/${name%-*}"
done
cp "$(command -v busybox)" "$root/bin/busybox"
for maker in mkfs.vfat mkfs.exfat; do with_libraries "$(PATH=$PATH:/sbin:/usr/sbin command -v $maker)" "bin/$maker"; done
for module in drivers/block/loop fs/nls/nls_cp437 fs/nls/nls_ascii fs/nls/nls_utf8 fs/fat/fat fs/fat/vfat fs/exfat/exfat; do
  cp "$work/$kernel"/lib/modules/*/kernel/$module.ko "$root/modules/"
done
cat > "$root/init" <<'INIT'
#!/bin/busybox sh
export PATH=/bin HOME=/tmp RUST_BACKTRACE=1 MAKEEPER_REQUIRE_MOUNTS=1
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
ip link set lo up
for module in loop nls_cp437 nls_ascii nls_utf8 fat vfat exfat; do insmod /modules/$module.ko; done
echo "kernel $(uname -r): $(grep -E 'fat' /proc/filesystems | tr -s '\t\n' ' ')"
failed=0
cil_media --test-threads=2 || failed=1
truncate -s 256M /tmp/image && mkfs.vfat -F 32 /tmp/image >/dev/null && mount -t vfat -o loop /tmp/image /stick || failed=1
grep stick /proc/mounts
[ $kills = 0 ] || TMPDIR=/stick MAKEEPER_KILLS=$kills cil_kill --test-threads=1 || failed=1
umount /stick
[ $failed = 0 ] && echo "ALL PASSED ON FAT"
poweroff -f
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 > "$work/initramfs"

echo "booting $kernel"
# Emulated: it needs nothing of the machine, and hardware virtualisation inside of another is not to be relied upon.
timeout -k 10 600 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1536 -nodefaults -display none -no-reboot \
  -serial stdio -kernel "$work/$kernel"/boot/vmlinuz-* -initrd "$work/initramfs" \
  -append "console=ttyS0 quiet panic=-1 kills=${MAKEEPER_KILLS:-0}" </dev/null 2>"$work/qemu.log" | tee "$work/console" ||
  { cat "$work/qemu.log"; exit 1; }
grep -aq "ALL PASSED ON FAT" "$work/console"
