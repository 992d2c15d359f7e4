//! A stand-in for `libcuda.so.1` and `libamdhip64.so.6`, for tests only: it has no card, and squares on the processor.
//!
//! Built with `rustc --crate-type cdylib`. Its state is the text file named by `FAKE_COMPUTE` (without it `/.lab/nvml`,
//! which only machines of the lab have), read again on every call:
//!
//! ```text
//! init=100      what cuInit and hipInit answer (100: no device, 999: unknown error)
//! block=45      seconds that they sleep first
//! follow=1      init as this machine's loaded module and installed library say
//! gpu name=NVIDIA_GeForce_RTX_4090 load=218 launch=46 wrong=1
//! ```
//!
//! `load` and `launch` are what those calls answer on that card; `wrong=1` makes its results wrong. Signatures are those
//! of NVIDIA's `cuda.h` and AMD's `hip_runtime_api.h` and `hiprtc.h`.
#![allow(non_snake_case, reason = "the names of the C interface")]
#![allow(clippy::missing_safety_doc, reason = "a stand-in")]

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

const SUCCESS: c_int = 0;
const INVALID_VALUE: c_int = 1;
const INVALID_IMAGE: c_int = 200;
/// What stands for a compiled HIP kernel.
const CODE: &[u8] = b"\x7fELF deskside_square\0";

type Fields = HashMap<String, String>;

/// Where a machine of the lab has the state.
const LAB: &str = "/.lab/nvml";

/// What initialising answers on a machine of the lab: no module is no device, another module's version is a mismatch.
fn followed() -> c_int {
    let library = std::fs::read_link("/usr/lib/x86_64-linux-gnu/libcuda.so.1")
        .map(|target| target.to_string_lossy().replace("libcuda.so.", ""))
        .unwrap_or_default();
    let module = std::fs::read_to_string("/sys/module/nvidia/version").unwrap_or_default();
    match module.trim() {
        "" => 100,
        module if module != library => 803,
        _ => SUCCESS,
    }
}

/// The card that the next calls are for.
static CHOSEN: AtomicI32 = AtomicI32::new(-1);

fn state() -> (Fields, Vec<Fields>) {
    let (mut own, mut cards) = (Fields::new(), Vec::new());
    let path = std::env::var("FAKE_COMPUTE").unwrap_or(LAB.into());
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let pair = |word: &str| {
        word.split_once('=')
            .map(|(name, value)| (name.to_string(), value.to_string()))
    };
    for line in text.lines() {
        match line.strip_prefix("gpu ") {
            Some(fields) => cards.push(fields.split_whitespace().filter_map(pair).collect()),
            None => own.extend(pair(line.trim())),
        }
    }
    // A program that hides cards sees none of them.
    if std::env::var("CUDA_VISIBLE_DEVICES").is_ok_and(|value| value.is_empty()) {
        cards.clear();
    }
    (own, cards)
}

fn number(fields: &Fields, name: &str) -> c_int {
    fields
        .get(name)
        .and_then(|value| value.parse().ok())
        .unwrap_or(SUCCESS)
}

fn chosen(name: &str) -> c_int {
    let cards = state().1;
    let place = CHOSEN.load(Ordering::SeqCst);
    match usize::try_from(place).ok().and_then(|place| cards.get(place)) {
        Some(card) => number(card, name),
        None => INVALID_VALUE,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuInit(_flags: c_uint) -> c_int {
    let own = state().0;
    std::thread::sleep(Duration::from_secs(number(&own, "block") as u64));
    match own.contains_key("follow") {
        true => followed(),
        false => number(&own, "init"),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetCount(count: *mut c_int) -> c_int {
    unsafe { count.write(state().1.len() as c_int) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> c_int {
    unsafe { device.write(ordinal) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetName(text: *mut u8, room: c_int, device: c_int) -> c_int {
    let name = state().1[device as usize].get("name").cloned().unwrap_or_default();
    let name = name.replace('_', " ");
    assert!(name.len() < room as usize);
    unsafe {
        std::ptr::copy_nonoverlapping(name.as_ptr(), text, name.len());
        text.add(name.len()).write(0);
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetUuid(uuid: *mut u8, device: c_int) -> c_int {
    for place in 0..16 {
        unsafe { uuid.add(place).write(device as u8) };
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDevicePrimaryCtxRetain(context: *mut *mut c_void, device: c_int) -> c_int {
    unsafe { context.write((device as usize + 1) as *mut c_void) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSetCurrent(context: *mut c_void) -> c_int {
    CHOSEN.store(context as usize as i32 - 1, Ordering::SeqCst);
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleLoadData(module: *mut *mut c_void, code: *const c_void) -> c_int {
    let text = unsafe { CStr::from_ptr(code.cast()) }.to_bytes();
    let is_kernel = text.starts_with(b"\x7fELF") || text.windows(7).any(|word| word == b".target");
    if !is_kernel {
        return INVALID_IMAGE;
    }
    unsafe { module.write(std::ptr::dangling_mut::<u8>().cast()) };
    chosen("load")
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleGetFunction(
    function: *mut *mut c_void,
    _module: *mut c_void,
    name: *const c_char,
) -> c_int {
    if unsafe { CStr::from_ptr(name) } != c"deskside_square" {
        return INVALID_VALUE;
    }
    unsafe { function.write(std::ptr::dangling_mut::<u8>().cast()) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAlloc_v2(memory: *mut u64, size: usize) -> c_int {
    let room = vec![0u8; size].leak();
    unsafe { memory.write(room.as_mut_ptr() as u64) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyHtoD_v2(to: u64, from: *const c_void, size: usize) -> c_int {
    unsafe { std::ptr::copy_nonoverlapping(from.cast::<u8>(), to as *mut u8, size) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyDtoH_v2(to: *mut c_void, from: u64, size: usize) -> c_int {
    unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to.cast::<u8>(), size) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuLaunchKernel(
    _function: *mut c_void,
    blocks: c_uint,
    _blocks_y: c_uint,
    _blocks_z: c_uint,
    block: c_uint,
    _block_y: c_uint,
    _block_z: c_uint,
    _shared: c_uint,
    _stream: *mut c_void,
    parameters: *mut *mut c_void,
    _extra: *mut *mut c_void,
) -> c_int {
    let failed = chosen("launch");
    if failed != SUCCESS {
        return failed;
    }
    let (memory, count) = unsafe {
        let memory = *parameters.read().cast::<u64>();
        (memory, *parameters.add(1).read().cast::<u32>())
    };
    let wrong = u32::from(chosen("wrong") == 1);
    for index in 0..count.min(blocks * block) {
        let place = unsafe { (memory as *mut u32).add(index as usize) };
        let value = unsafe { place.read_unaligned() };
        let value = value.wrapping_mul(value).wrapping_add(index + wrong);
        unsafe { place.write_unaligned(value) };
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSynchronize() -> c_int {
    SUCCESS
}

/// The library's name for an error, for ever.
fn error_name(code: c_int) -> *const c_char {
    match code {
        46 => c"CUDA_ERROR_DEVICE_UNAVAILABLE",
        100 => c"CUDA_ERROR_NO_DEVICE",
        803 => c"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
        218 => c"CUDA_ERROR_INVALID_PTX",
        _ => c"CUDA_ERROR_UNKNOWN",
    }
    .as_ptr()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGetErrorName(code: c_int, text: *mut *const c_char) -> c_int {
    unsafe { text.write(error_name(code)) };
    SUCCESS
}

/// The calls of HIP that are those of CUDA by another name.
macro_rules! also {
    ($($hip:ident = $cuda:ident($($argument:ident: $kind:ty),*);)*) => {
        $(#[unsafe(no_mangle)]
        pub unsafe extern "C" fn $hip($($argument: $kind),*) -> c_int {
            #[allow(unused_unsafe, reason = "some are safe")]
            unsafe { $cuda($($argument),*) }
        })*
    };
}

also! {
    hipInit = cuInit(flags: c_uint);
    hipGetDeviceCount = cuDeviceGetCount(count: *mut c_int);
    hipDeviceGet = cuDeviceGet(device: *mut c_int, ordinal: c_int);
    hipDeviceGetName = cuDeviceGetName(text: *mut u8, room: c_int, device: c_int);
    hipModuleLoadData = cuModuleLoadData(module: *mut *mut c_void, code: *const c_void);
    hipModuleGetFunction = cuModuleGetFunction(function: *mut *mut c_void, module: *mut c_void, name: *const c_char);
    hipMalloc = cuMemAlloc_v2(memory: *mut u64, size: usize);
    hipMemcpyHtoD = cuMemcpyHtoD_v2(to: u64, from: *const c_void, size: usize);
    hipMemcpyDtoH = cuMemcpyDtoH_v2(to: *mut c_void, from: u64, size: usize);
    hipDeviceSynchronize = cuCtxSynchronize();
    hipModuleLaunchKernel = cuLaunchKernel(function: *mut c_void, blocks: c_uint, blocks_y: c_uint, blocks_z: c_uint,
        block: c_uint, block_y: c_uint, block_z: c_uint, shared: c_uint, stream: *mut c_void,
        parameters: *mut *mut c_void, extra: *mut *mut c_void);
}

#[unsafe(no_mangle)]
pub extern "C" fn hipSetDevice(device: c_int) -> c_int {
    CHOSEN.store(device, Ordering::SeqCst);
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn hipGetErrorName(code: c_int) -> *const c_char {
    error_name(code)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hiprtcCreateProgram(
    program: *mut *mut c_void,
    source: *const c_char,
    _name: *const c_char,
    _headers: c_int,
    _texts: *const *const c_char,
    _names: *const *const c_char,
) -> c_int {
    let text = unsafe { CStr::from_ptr(source) }.to_string_lossy();
    unsafe { program.write(std::ptr::dangling_mut::<u8>().cast()) };
    if text.contains("__global__ void deskside_square(") { SUCCESS } else { INVALID_VALUE }
}

#[unsafe(no_mangle)]
pub extern "C" fn hiprtcCompileProgram(
    _program: *mut c_void,
    _count: c_int,
    _options: *const *const c_char,
) -> c_int {
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hiprtcGetCodeSize(_program: *mut c_void, size: *mut usize) -> c_int {
    unsafe { size.write(CODE.len()) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hiprtcGetCode(_program: *mut c_void, code: *mut u8) -> c_int {
    unsafe { std::ptr::copy_nonoverlapping(CODE.as_ptr(), code, CODE.len()) };
    SUCCESS
}
