//! A stand-in for `libnvidia-ml.so.1`, for tests only: everything it says is made up.
//!
//! Built with `rustc --crate-type cdylib`. Its state is the text file named by `FAKE_NVML` (without
//! it, `state` in the first folder of `LD_LIBRARY_PATH`, or else `/.lab/nvml`, which only machines of
//! the lab have), read again on every call:
//!
//! ```text
//! driver=580.95.05      the driver's version
//! nvml=13.580.95.05     the library's version
//! cuda=13000            the CUDA version the driver supports, 1000 * major + 10 * minor
//! init=18               what nvmlInit answers (9: driver not loaded, 18: version mismatch)
//! block=45              seconds that nvmlInit sleeps first
//! crash=1               nvmlInit ends the process
//! follow=1              driver, nvml, cuda and init as this machine's loaded module and installed library say
//! gpu name=NVIDIA_GeForce_RTX_4090 capability=8.9 total=25757220864 used=1073741824 util=37 temp=61 mw=215000 limit=450000 display=1 persist=0 lost=0 mode=0 processes=4711:1048576,4712:0 sm=2520 mem=10501 throttle=4 pcie=1000
//! hang=1                from then on every answer about a device hangs for a minute
//! ```
//!
//! A field that is left out is answered with `NVML_ERROR_NOT_SUPPORTED`; `lost=1` answers every
//! question about that device with `NVML_ERROR_GPU_IS_LOST`. Return codes and structures are those
//! of NVIDIA's `nvml.h`.
#![allow(non_snake_case, reason = "the names of the C interface")]

use std::collections::HashMap;
use std::ffi::c_char;
use std::time::Duration;

type Code = u32;
type Handle = usize;

const SUCCESS: Code = 0;
const INVALID_ARGUMENT: Code = 2;
const NOT_SUPPORTED: Code = 3;
const INSUFFICIENT_SIZE: Code = 7;
const GPU_IS_LOST: Code = 15;
const FIRST_HANDLE: Handle = 0x1000;
/// Where a machine of the lab has the state, when no variable names it.
const LAB: &str = "/.lab/nvml";

type Fields = HashMap<String, String>;

/// The library's own fields and those of each device.
fn state() -> (Fields, Vec<Fields>) {
    let (mut own, mut devices) = (Fields::new(), Vec::new());
    let beside = std::env::var("LD_LIBRARY_PATH")
        .ok()
        .and_then(|path| path.split(':').next().map(|folder| format!("{folder}/state")))
        .filter(|path| std::path::Path::new(path).exists());
    let path = std::env::var("FAKE_NVML").ok().or(beside);
    let path = path.unwrap_or_else(|| LAB.to_string());
    let text = std::fs::read_to_string(path).ok();
    let pair = |word: &str| {
        word.split_once('=')
            .map(|(name, value)| (name.to_string(), value.to_string()))
    };
    for line in text.unwrap_or_default().lines() {
        match line.strip_prefix("gpu ") {
            Some(fields) => devices.push(fields.split_whitespace().filter_map(pair).collect()),
            None => own.extend(pair(line.trim())),
        }
    }
    if own.contains_key("follow") {
        follow(&mut own);
    }
    (own, devices)
}

/// Takes the versions from the machine: the loaded module's from /sys, the library's own from the
/// name that its link leads to.
fn follow(own: &mut Fields) {
    let library = std::fs::read_link("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1")
        .map(|target| target.to_string_lossy().replace("libnvidia-ml.so.", ""))
        .unwrap_or_default();
    let module = std::fs::read_to_string("/sys/module/nvidia/version").unwrap_or_default();
    let (module, major) = (module.trim(), library.split('.').next().unwrap_or_default());
    let code = match module {
        "" => "9",
        module if module != library => "18",
        _ => "0",
    };
    // The CUDA version that a branch supports, as far as the tests care.
    let cuda = match major.parse::<u32>().unwrap_or_default() {
        0..=520 => "11040",
        521..=545 => "12020",
        546..=579 => "12080",
        580..=594 => "13000",
        595..=609 => "13020",
        _ => "13030",
    };
    own.insert("init".into(), code.into());
    own.insert("driver".into(), module.into());
    own.insert(
        "nvml".into(),
        format!("{}.{library}", cuda.get(..2).unwrap_or_default()),
    );
    own.insert("cuda".into(), cuda.into());
}

fn number(fields: &Fields, name: &str) -> Option<u64> {
    fields.get(name)?.parse().ok()
}

fn device(handle: Handle) -> Result<(usize, Fields), Code> {
    let place = handle.wrapping_sub(FIRST_HANDLE);
    let (own, devices) = state();
    if own.contains_key("hang") {
        std::thread::sleep(Duration::from_secs(60));
    }
    let fields = devices.get(place).cloned().ok_or(INVALID_ARGUMENT)?;
    if number(&fields, "lost") == Some(1) {
        Err(GPU_IS_LOST)
    } else {
        Ok((place, fields))
    }
}

/// One field of a device as a number.
fn field(handle: Handle, name: &str) -> Result<u32, Code> {
    let (_, fields) = device(handle)?;
    number(&fields, name)
        .map(|value| value as u32)
        .ok_or(NOT_SUPPORTED)
}

/// Writes an answer where the caller wants it.
unsafe fn put<T>(place: *mut T, answer: Result<T, Code>) -> Code {
    match answer {
        Ok(value) => {
            unsafe { place.write(value) };
            SUCCESS
        }
        Err(code) => code,
    }
}

/// Writes a text with its closing zero.
unsafe fn put_text(place: *mut c_char, room: u32, answer: Result<String, Code>) -> Code {
    match answer {
        Ok(text) if text.len() < room as usize => {
            unsafe {
                std::ptr::copy_nonoverlapping(text.as_ptr(), place.cast(), text.len());
                place.add(text.len()).write(0);
            }
            SUCCESS
        }
        Ok(_) => INSUFFICIENT_SIZE,
        Err(code) => code,
    }
}

fn own(name: &str) -> Result<String, Code> {
    state().0.get(name).cloned().ok_or(NOT_SUPPORTED)
}

#[repr(C)]
pub struct Memory {
    total: u64,
    free: u64,
    used: u64,
}

#[repr(C)]
pub struct MemoryVersion2 {
    version: u32,
    total: u64,
    reserved: u64,
    free: u64,
    used: u64,
}

#[repr(C)]
pub struct Process {
    pid: u32,
    used: u64,
    gpu_instance: u32,
    compute_instance: u32,
}

#[repr(C)]
pub struct Utilization {
    gpu: u32,
    memory: u32,
}

#[repr(C)]
pub struct Pci {
    bus_id_legacy: [c_char; 16],
    domain: u32,
    bus: u32,
    device: u32,
    pci_device_id: u32,
    pci_subsystem_id: u32,
    bus_id: [c_char; 32],
}

fn memory(handle: Handle) -> Result<(u64, u64), Code> {
    let (_, fields) = device(handle)?;
    let total = number(&fields, "total").ok_or(NOT_SUPPORTED)?;
    Ok((total, number(&fields, "used").unwrap_or(0)))
}

fn initialize() -> Code {
    let (own, _) = state();
    if let Some(seconds) = number(&own, "block") {
        std::thread::sleep(Duration::from_secs(seconds));
    }
    if number(&own, "crash") == Some(1) {
        std::process::abort();
    }
    number(&own, "init").map_or(SUCCESS, |code| code as Code)
}

/// Each line is one function of the C interface.
macro_rules! interface {
    ($($name:ident($($argument:ident: $kind:ty),*) $answer:expr;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($argument: $kind),*) -> Code {
                unsafe { $answer }
            }
        )*
    };
}

#[allow(unused_unsafe, reason = "some answers need none")]
mod c {
    use super::*;

    interface! {
        nvmlInit_v2() initialize();
        nvmlInitWithFlags(_flags: u32) initialize();
        nvmlShutdown() SUCCESS;
        nvmlSystemGetDriverVersion(place: *mut c_char, room: u32) put_text(place, room, own("driver"));
        nvmlSystemGetNVMLVersion(place: *mut c_char, room: u32) put_text(place, room, own("nvml"));
        nvmlSystemGetCudaDriverVersion_v2(place: *mut i32) put(place, own("cuda").and_then(|text| text.parse().map_err(|_| NOT_SUPPORTED)));
        nvmlDeviceGetCount_v2(place: *mut u32) put(place, Ok(state().1.len() as u32));
        nvmlDeviceGetHandleByIndex_v2(index: u32, place: *mut Handle) put(place, if (index as usize) < state().1.len() { Ok(FIRST_HANDLE + index as usize) } else { Err(INVALID_ARGUMENT) });
        nvmlDeviceGetIndex(handle: Handle, place: *mut u32) put(place, device(handle).map(|(index, _)| index as u32));
        nvmlDeviceGetName(handle: Handle, place: *mut c_char, room: u32) put_text(place, room, device(handle).and_then(|(_, fields)| fields.get("name").map(|name| name.replace('_', " ")).ok_or(NOT_SUPPORTED)));
        nvmlDeviceGetUUID(handle: Handle, place: *mut c_char, room: u32) put_text(place, room, device(handle).map(|(index, _)| format!("GPU-00000000-0000-0000-0000-{index:012x}")));
        nvmlDeviceGetMemoryInfo(handle: Handle, place: *mut Memory) put(place, memory(handle).map(|(total, used)| Memory { total, free: total - used, used }));
        nvmlDeviceGetUtilizationRates(handle: Handle, place: *mut Utilization) put(place, field(handle, "util").map(|gpu| Utilization { gpu, memory: 0 }));
        nvmlDeviceGetTemperature(handle: Handle, _sensor: u32, place: *mut u32) put(place, field(handle, "temp"));
        nvmlDeviceGetPowerUsage(handle: Handle, place: *mut u32) put(place, field(handle, "mw"));
        nvmlDeviceGetEnforcedPowerLimit(handle: Handle, place: *mut u32) put(place, field(handle, "limit"));
        nvmlDeviceGetClockInfo(handle: Handle, kind: u32, place: *mut u32) put(place, field(handle, if kind == 2 { "mem" } else { "sm" }));
        nvmlDeviceGetCurrentClocksThrottleReasons(handle: Handle, place: *mut u64) put(place, field(handle, "throttle").map(u64::from));
        nvmlDeviceGetPcieThroughput(handle: Handle, _counter: u32, place: *mut u32) put(place, field(handle, "pcie"));
        nvmlDeviceGetDisplayActive(handle: Handle, place: *mut u32) put(place, field(handle, "display"));
        nvmlDeviceGetComputeMode(handle: Handle, place: *mut u32) put(place, field(handle, "mode").or(Ok(0)));
        nvmlDeviceGetPersistenceMode(handle: Handle, place: *mut u32) put(place, field(handle, "persist"));
    }

    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(
        handle: Handle,
        place: *mut MemoryVersion2,
    ) -> Code {
        let version = unsafe { (*place).version };
        let answer = memory(handle).map(|(total, used)| MemoryVersion2 {
            version,
            total,
            reserved: 0,
            free: total - used,
            used,
        });
        unsafe { put(place, answer) }
    }

    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
        handle: Handle,
        count: *mut u32,
        place: *mut Process,
    ) -> Code {
        let (_, fields) = match device(handle) {
            Ok(found) => found,
            Err(code) => return code,
        };
        let text = fields.get("processes").cloned().unwrap_or_default();
        let listed: Vec<(u32, u64)> = text
            .split(',')
            .filter_map(|pair| {
                let (pid, used) = pair.split_once(':')?;
                Some((pid.parse().ok()?, used.parse().ok()?))
            })
            .collect();
        unsafe {
            let room = count.read() as usize;
            count.write(listed.len() as u32);
            if room < listed.len() {
                return INSUFFICIENT_SIZE;
            }
            for (at, (pid, used)) in listed.into_iter().enumerate() {
                place.add(at).write(Process {
                    pid,
                    used,
                    gpu_instance: u32::MAX,
                    compute_instance: u32::MAX,
                });
            }
        }
        SUCCESS
    }

    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn nvmlDeviceGetCudaComputeCapability(
        handle: Handle,
        major: *mut i32,
        minor: *mut i32,
    ) -> Code {
        let version = device(handle).and_then(|(_, fields)| {
            let (major, minor) = fields
                .get("capability")
                .and_then(|text| text.split_once('.'))
                .ok_or(NOT_SUPPORTED)?;
            Ok((
                major.parse().map_err(|_| NOT_SUPPORTED)?,
                minor.parse().map_err(|_| NOT_SUPPORTED)?,
            ))
        });
        match version {
            Ok((one, other)) => unsafe { put(major, Ok(one)) | put(minor, Ok(other)) },
            Err(code) => code,
        }
    }

    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn nvmlDeviceGetPciInfo_v3(handle: Handle, place: *mut Pci) -> Code {
        let (index, _) = match device(handle) {
            Ok(found) => found,
            Err(code) => return code,
        };
        let mut pci: Pci = unsafe { std::mem::zeroed() };
        pci.bus = index as u32 + 1;
        unsafe {
            put_text(
                pci.bus_id_legacy.as_mut_ptr(),
                16,
                Ok(format!("0000:{:02X}:00.0", index + 1)),
            );
            put_text(
                pci.bus_id.as_mut_ptr(),
                32,
                Ok(format!("00000000:{:02X}:00.0", index + 1)),
            );
            put(place, Ok(pci))
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlErrorString(_: Code) -> *const c_char {
    c"made up".as_ptr()
}
