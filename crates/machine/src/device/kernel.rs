//! A kernel on every card, through the driver's own library: CUDA's (`libcuda`) or HIP's (`libamdhip64`).
//!
//! That a driver answers says little of whether it computes. Here each card squares a few numbers, and they are compared.
//! The names and signatures are those of NVIDIA's `cuda.h` and AMD's `hip_runtime_api.h`, which are alike call by call.
//! HIP has no text that every card understands, so its kernel is compiled for the card at hand by `hiprtc.h`.

use libloading::{Library, Symbol};
use serde_json::{Value, json};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::{null, null_mut};
use std::time::Instant;

/// Numbers that a card squares: more than one block of them.
const COUNT: u32 = 1 << 16;
const BLOCK: u32 = 256;
/// A compiled kernel of that few lines has some thousand bytes.
const LARGEST: usize = 64 << 20;
/// The kernel's name.
const NAME: &CStr = c"deskside_square";
const PTX: &str = concat!(include_str!("square.ptx"), "\0");
const HIP: &CStr =
    c"extern \"C\" __global__ void deskside_square(unsigned* values, unsigned count) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) values[i] = values[i] * values[i] + i;
}";

/// The libraries of one maker, and the names of its calls.
pub(super) struct Maker {
    /// Where its library may lie, the newest first.
    pub libraries: &'static [&'static str],
    initialise: &'static str,
    count: &'static str,
    get: &'static str,
    name: &'static str,
    uuid: &'static str,
    load: &'static str,
    function: &'static str,
    allocate: &'static str,
    to_device: &'static str,
    launch: &'static str,
    wait: &'static str,
    to_host: &'static str,
    is_hip: bool,
}

pub(super) const CUDA: Maker = Maker {
    libraries: &["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"],
    initialise: "cuInit",
    count: "cuDeviceGetCount",
    get: "cuDeviceGet",
    name: "cuDeviceGetName",
    uuid: "cuDeviceGetUuid",
    load: "cuModuleLoadData",
    function: "cuModuleGetFunction",
    allocate: "cuMemAlloc_v2",
    to_device: "cuMemcpyHtoD_v2",
    launch: "cuLaunchKernel",
    wait: "cuCtxSynchronize",
    to_host: "cuMemcpyDtoH_v2",
    is_hip: false,
};

pub(super) const ROCM: Maker = Maker {
    libraries: &[
        "libamdhip64.so.7",
        "libamdhip64.so.6",
        "libamdhip64.so.5",
        "/opt/rocm/lib/libamdhip64.so",
    ],
    initialise: "hipInit",
    count: "hipGetDeviceCount",
    get: "hipDeviceGet",
    name: "hipDeviceGetName",
    uuid: "hipDeviceGetUuid",
    load: "hipModuleLoadData",
    function: "hipModuleGetFunction",
    allocate: "hipMalloc",
    to_device: "hipMemcpyHtoD",
    launch: "hipModuleLaunchKernel",
    wait: "hipDeviceSynchronize",
    to_host: "hipMemcpyDtoH",
    is_hip: true,
};

/// A compiler of HIP kernels at run time, where it is not part of the HIP library.
const COMPILERS: [&str; 4] = [
    "libhiprtc.so.7",
    "libhiprtc.so.6",
    "libhiprtc.so.5",
    "/opt/rocm/lib/libhiprtc.so",
];

/// A call that failed: the library's number and name for it, and which call it was.
struct Failure {
    call: &'static str,
    code: c_int,
    name: String,
}

impl Failure {
    fn shown(&self) -> Value {
        json!({"error": self.name, "code": self.code, "call": self.call})
    }
}

/// Runs the kernel on every card, each in turn. For the child process only: a driver that hangs, hangs here.
pub(super) fn answer(maker: &Maker) -> Value {
    // SAFETY: loading a driver's library runs its initialisers, as every program that computes does.
    let opened = maker
        .libraries
        .iter()
        .find_map(|path| unsafe { Library::new(path) }.ok().map(|one| (*path, one)));
    let Some((path, library)) = opened else {
        return json!({"error": "LibraryNotFound"});
    };
    let calls = Calls { library, maker };
    match calls.cards() {
        Ok(cards) => json!({"library": path, "devices": cards}),
        Err(failure) => {
            let mut shown = failure.shown();
            shown["library"] = json!(path);
            shown
        }
    }
}

/// A maker's library.
struct Calls<'a> {
    library: Library,
    maker: &'a Maker,
}

/// Makes a call by name: `call!(calls, name, fn(types), arguments)`; its code, where it is not zero, is the failure.
macro_rules! call {
    ($calls:expr, $name:expr, fn($($kind:ty),* $(,)?), $($argument:expr),* $(,)?) => {{
        let name: &'static str = $name;
        // SAFETY: the name's signature is the one that the maker's header gives it; pointers live through the call.
        match unsafe { $calls.symbol::<unsafe extern "C" fn($($kind),*) -> c_int>(name) } {
            Ok(function) => $calls.judged(name, unsafe { function($($argument),*) }),
            Err(failure) => Err(failure),
        }
    }};
}

impl Calls<'_> {
    /// # Safety
    /// `T` must be the signature of the call of that name.
    unsafe fn symbol<T>(&self, name: &'static str) -> Result<Symbol<'_, T>, Failure> {
        // SAFETY: as the caller promises.
        unsafe { self.library.get(name.as_bytes()) }.map_err(|_| Failure {
            call: name,
            code: -1,
            name: "SymbolNotFound".into(),
        })
    }

    fn judged(&self, call: &'static str, code: c_int) -> Result<(), Failure> {
        if code == 0 {
            return Ok(());
        }
        let name = self.error_name(code);
        Err(Failure { call, code, name })
    }

    /// The library's own name for an error.
    fn error_name(&self, code: c_int) -> String {
        let mut text: *const c_char = null();
        // SAFETY: both signatures are those of the makers' headers; the texts they give are the library's own for ever.
        unsafe {
            if self.maker.is_hip {
                if let Ok(function) = self
                    .library
                    .get::<unsafe extern "C" fn(c_int) -> *const c_char>(b"hipGetErrorName")
                {
                    text = function(code);
                }
            } else if let Ok(function) = self
                .library
                .get::<unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int>(b"cuGetErrorName")
            {
                function(code, &raw mut text);
            }
            if text.is_null() {
                return format!("error {code}");
            }
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }

    fn cards(&self) -> Result<Vec<Value>, Failure> {
        call!(self, self.maker.initialise, fn(c_uint), 0)?;
        let mut count: c_int = 0;
        call!(self, self.maker.count, fn(*mut c_int), &raw mut count)?;
        Ok((0..count).map(|ordinal| self.card(ordinal)).collect())
    }

    /// One card: who it is, and what its kernel came to.
    fn card(&self, ordinal: c_int) -> Value {
        let mut device: c_int = 0;
        if let Err(failure) = call!(
            self,
            self.maker.get,
            fn(*mut c_int, c_int),
            &raw mut device,
            ordinal
        ) {
            return failure.shown();
        }
        let mut shown = match self.squares(device) {
            Ok(seconds) => json!({"seconds": seconds}),
            Err(failure) => failure.shown(),
        };
        let mut name = [0u8; 256];
        let told = call!(
            self,
            self.maker.name,
            fn(*mut u8, c_int, c_int),
            name.as_mut_ptr(),
            255,
            device
        );
        if let (Ok(()), Ok(text)) = (told, CStr::from_bytes_until_nul(&name)) {
            shown["name"] = json!(text.to_string_lossy());
        }
        let mut uuid = [0u8; 16];
        let told = call!(
            self,
            self.maker.uuid,
            fn(*mut u8, c_int),
            uuid.as_mut_ptr(),
            device
        );
        if told.is_ok() && !self.maker.is_hip {
            shown["uuid"] = json!(written(&uuid));
        }
        shown
    }

    /// Squares numbers on a card; the seconds that the kernel took, with its launch and its end.
    fn squares(&self, device: c_int) -> Result<f64, Failure> {
        self.choose(device)?;
        let code = self.code()?;
        let mut module: *mut c_void = null_mut();
        call!(
            self,
            self.maker.load,
            fn(*mut *mut c_void, *const c_void),
            &raw mut module,
            code.as_ptr().cast()
        )?;
        let mut function: *mut c_void = null_mut();
        call!(
            self,
            self.maker.function,
            fn(*mut *mut c_void, *mut c_void, *const c_char),
            &raw mut function,
            module,
            NAME.as_ptr()
        )?;
        let mut values: Vec<u32> = (0..COUNT).map(number).collect();
        let size = size_of_val(values.as_slice());
        let mut memory: u64 = 0;
        call!(
            self,
            self.maker.allocate,
            fn(*mut u64, usize),
            &raw mut memory,
            size
        )?;
        call!(
            self,
            self.maker.to_device,
            fn(u64, *const c_void, usize),
            memory,
            values.as_ptr().cast(),
            size
        )?;
        let mut count = COUNT;
        let mut parameters: [*mut c_void; 2] = [(&raw mut memory).cast(), (&raw mut count).cast()];
        let begun = Instant::now();
        call!(
            self,
            self.maker.launch,
            fn(
                *mut c_void,
                c_uint,
                c_uint,
                c_uint,
                c_uint,
                c_uint,
                c_uint,
                c_uint,
                *mut c_void,
                *mut *mut c_void,
                *mut *mut c_void,
            ),
            function,
            COUNT / BLOCK,
            1,
            1,
            BLOCK,
            1,
            1,
            0,
            null_mut(),
            parameters.as_mut_ptr(),
            null_mut()
        )?;
        call!(self, self.maker.wait, fn(),)?;
        let seconds = begun.elapsed().as_secs_f64();
        call!(
            self,
            self.maker.to_host,
            fn(*mut c_void, u64, usize),
            values.as_mut_ptr().cast(),
            memory,
            size
        )?;
        let is_right = (0..COUNT).zip(&values).all(|(index, value)| {
            let before = number(index);
            *value == before.wrapping_mul(before).wrapping_add(index)
        });
        if !is_right {
            return Err(Failure {
                call: self.maker.launch,
                code: -1,
                name: "WrongResult".into(),
            });
        }
        // What was allocated goes with the process.
        Ok(seconds)
    }

    /// Makes a card the one that the next calls are for.
    fn choose(&self, device: c_int) -> Result<(), Failure> {
        if self.maker.is_hip {
            return call!(self, "hipSetDevice", fn(c_int), device);
        }
        let mut context: *mut c_void = null_mut();
        call!(
            self,
            "cuDevicePrimaryCtxRetain",
            fn(*mut *mut c_void, c_int),
            &raw mut context,
            device
        )?;
        call!(self, "cuCtxSetCurrent", fn(*mut c_void), context)
    }

    /// What is loaded on the card.
    fn code(&self) -> Result<Vec<u8>, Failure> {
        if !self.maker.is_hip {
            return Ok(PTX.as_bytes().to_vec());
        }
        // SAFETY: as for the HIP library.
        let apart = COMPILERS
            .iter()
            .find_map(|path| unsafe { Library::new(path) }.ok());
        match apart {
            Some(library) => {
                let maker = self.maker;
                compiled(&Calls { library, maker })
            }
            None => compiled(self),
        }
    }
}

/// The HIP kernel, compiled for the card that is chosen.
fn compiled(calls: &Calls<'_>) -> Result<Vec<u8>, Failure> {
    let mut program: *mut c_void = null_mut();
    call!(
        calls,
        "hiprtcCreateProgram",
        fn(
            *mut *mut c_void,
            *const c_char,
            *const c_char,
            c_int,
            *const *const c_char,
            *const *const c_char,
        ),
        &raw mut program,
        HIP.as_ptr(),
        c"square.hip".as_ptr(),
        0,
        null(),
        null()
    )?;
    call!(
        calls,
        "hiprtcCompileProgram",
        fn(*mut c_void, c_int, *const *const c_char),
        program,
        0,
        null()
    )?;
    let mut size: usize = 0;
    call!(
        calls,
        "hiprtcGetCodeSize",
        fn(*mut c_void, *mut usize),
        program,
        &raw mut size
    )?;
    if size > LARGEST {
        return Err(Failure {
            call: "hiprtcGetCodeSize",
            code: -1,
            name: "TooLarge".into(),
        });
    }
    let mut code = vec![0u8; size];
    call!(
        calls,
        "hiprtcGetCode",
        fn(*mut c_void, *mut u8),
        program,
        code.as_mut_ptr()
    )?;
    Ok(code)
}

/// What a number is before it is squared.
fn number(index: u32) -> u32 {
    index.wrapping_mul(2_654_435_761)
}

/// A card's identity as NVIDIA's tools write it.
fn written(uuid: &[u8; 16]) -> String {
    let hex = |part: &[u8]| {
        part.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    format!(
        "GPU-{}-{}-{}-{}-{}",
        hex(&uuid[..4]),
        hex(&uuid[4..6]),
        hex(&uuid[6..8]),
        hex(&uuid[8..10]),
        hex(&uuid[10..])
    )
}
