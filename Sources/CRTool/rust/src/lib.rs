//! rtool.h for plugins in Rust, without dependencies: statuses become `Result`, structures come with their sizes filled in,
//! and no panic leaves a plugin. Everything of the header is in `ffi`. `Examples/plugins/nudge` is a whole plugin.

pub mod ffi;

use core::ffi::{c_char, c_void, CStr};
use ffi::*;

/// What the host did not do; it already knows why.
#[derive(Debug)]
pub struct Failure(pub rtool_status);

pub type Result<Value> = core::result::Result<Value, Failure>;

pub fn check(status: rtool_status) -> Result<()> {
    if status == RTOOL_OK {
        Ok(())
    } else {
        Err(Failure(status))
    }
}

/// Zeros in all fields. All structures of the interface may have that.
///
/// # Safety
/// `Structure` is one of them.
pub const unsafe fn zeroed<Structure>() -> Structure {
    unsafe { core::mem::MaybeUninit::zeroed().assume_init() }
}

macro_rules! sized {
    ($($name:ident: $structure:ident),*) => {
        $(
            /// With zeros in all its fields but its size.
            pub fn $name() -> $structure {
                let mut structure: $structure = unsafe { zeroed() };
                structure.struct_size = size_of::<$structure>() as u32;
                structure
            }
        )*
    };
}
sized!(working_copy: rtool_working_copy, ascent: rtool_ascent, outcome: rtool_outcome, result: rtool_result,
       objective: rtool_objective);

pub fn term(kind: rtool_term_kind, weight: f64) -> rtool_term {
    rtool_term {
        kind,
        weight,
        ..unsafe { zeroed() }
    }
}

/// An ascent from a working copy's image, which lies where the copy does.
pub fn ascent_of(copy: &rtool_working_copy) -> rtool_ascent {
    let seen = unsafe { &*copy.seen };
    rtool_ascent {
        start: copy.image,
        count: 1,
        free: copy.region,
        place_x: copy.x,
        place_y: copy.y,
        place_width: seen.width,
        place_height: seen.height,
        ..ascent()
    }
}

/// A parameter; more of its fields are set by `rtool_param { ..., ..param(...) }`.
pub const fn param(
    name: &'static CStr,
    help: &'static CStr,
    kind: rtool_param_kind,
    flags: rtool_param_flags,
) -> rtool_param {
    let mut param: rtool_param = unsafe { zeroed() };
    param.name = name.as_ptr();
    param.help = help.as_ptr();
    param.kind = kind;
    param.flags = flags;
    param
}

/// The options that ascents have in common, with what they are at first.
pub const fn ascent_param(settings: &'static CStr) -> rtool_param {
    let mut param = param(c"ascent", c"the options of an ascent", RTOOL_ASCENT, 0);
    param.initial_text = settings.as_ptr();
    param
}

/// A table of parameters or a manifest, which never changes and may be read by any thread.
#[repr(transparent)]
pub struct Lasting<Value>(pub Value);
unsafe impl<Value> Sync for Lasting<Value> {}

pub type Task = extern "C" fn(*const rtool_host, *const rtool_value) -> rtool_status;

pub const fn manifest(
    name: &'static CStr,
    version: &'static CStr,
    summary: &'static CStr,
    params: &'static [rtool_param],
    run: Task,
) -> Lasting<rtool_manifest> {
    let mut manifest: rtool_manifest = unsafe { zeroed() };
    manifest.struct_size = size_of::<rtool_manifest>() as u32;
    manifest.abi = RTOOL_ABI;
    manifest.built_with = RTOOL_ABI;
    manifest.param_size = size_of::<rtool_param>() as u32;
    manifest.param_count = params.len() as u32;
    manifest.params = params.as_ptr();
    manifest.name = name.as_ptr();
    manifest.version = version.as_ptr();
    manifest.summary = summary.as_ptr();
    manifest.run = Some(unsafe {
        core::mem::transmute::<Task, unsafe extern "C" fn(*const rtool_host, *const rtool_value) -> rtool_status>(run)
    });
    Lasting(manifest)
}

/// The host, as a task sees it.
#[derive(Clone, Copy)]
pub struct Host<'run> {
    pub table: &'run rtool_host,
}

impl<'run> Host<'run> {
    /// Memory for so many, zeroed, that lives until the run ends.
    pub fn alloc<Element: Copy>(&self, count: usize) -> Result<&'run mut [Element]> {
        unsafe {
            let memory = self.table.alloc.unwrap()(self.table, (count.max(1)) * size_of::<Element>()) as *mut Element;
            if memory.is_null() {
                Err(Failure(RTOOL_FAILED))
            } else {
                Ok(core::slice::from_raw_parts_mut(memory, count))
            }
        }
    }

    /// The classes of a CLASS value.
    pub fn classes(&self, value: &rtool_value) -> Result<&'run mut [rtool_class_weight]> {
        let classes = self.alloc::<rtool_class_weight>(value.count as usize)?;
        for (i, class) in classes.iter_mut().enumerate() {
            unsafe {
                *class = rtool_class_weight {
                    index: *value.numbers.add(2 * i) as i32,
                    weight: *value.numbers.add(2 * i + 1),
                };
            }
        }
        Ok(classes)
    }

    /// Fills in what a working copy is, from what is wanted.
    pub fn working_copy(&self, copy: &mut rtool_working_copy) -> Result<()> {
        check(unsafe { self.table.working_copy.unwrap()(self.table, copy) })
    }

    /// Whether somebody watches how the result comes about. An older host: nobody.
    pub fn is_watched(&self) -> bool {
        let end = core::mem::offset_of!(rtool_host, is_watched) + size_of::<usize>();
        self.table.struct_size as usize >= end && unsafe { self.table.is_watched.unwrap()(self.table) != 0 }
    }

    /// What the options say of an ascent for images of this size. The weight of the smoothness that is asked for.
    pub fn ascent_options(
        &self,
        options: &rtool_value,
        width: i32,
        height: i32,
        ascent: &mut rtool_ascent,
    ) -> Result<f64> {
        let mut smoothness = 0.0;
        check(unsafe {
            self.table.ascent_options.unwrap()(self.table, options, width, height, ascent, &mut smoothness)
        })?;
        Ok(smoothness)
    }

    /// The host as it is with another model, that of a MODEL value.
    pub fn with_model(&self, value: &rtool_value) -> Result<Host<'run>> {
        unsafe {
            let table = self.table.with_model.unwrap()(self.table, *value.texts);
            if table.is_null() {
                Err(Failure(RTOOL_FAILED))
            } else {
                Ok(Host { table: &*table })
            }
        }
    }

    /// What is prepared once for the runs of a process: `count` elements, zeroed, which `make` fills in where no run has
    /// asked for `key` with this model before.
    pub fn prepared<Element: Copy, Make>(&self, key: &CStr, count: usize, make: Make) -> Result<&'run [Element]>
    where
        Make: FnMut(&mut [Element]) -> Result<()>,
    {
        struct Preparation<Make> {
            make: Make,
            count: usize,
        }
        unsafe extern "C" fn fill<Element: Copy, Make: FnMut(&mut [Element]) -> Result<()>>(
            _: *const rtool_host,
            memory: *mut c_void,
            user: *mut c_void,
        ) -> rtool_status {
            let preparation = unsafe { &mut *(user as *mut Preparation<Make>) };
            let elements = unsafe { core::slice::from_raw_parts_mut(memory as *mut Element, preparation.count) };
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (preparation.make)(elements))) {
                Ok(Ok(())) => RTOOL_OK,
                Ok(Err(Failure(status))) => status,
                Err(_) => RTOOL_FAILED,
            }
        }
        let mut preparation = Preparation { make, count };
        unsafe {
            let memory = self.table.prepared.unwrap()(
                self.table,
                key.as_ptr(),
                count * size_of::<Element>(),
                Some(fill::<Element, Make>),
                &mut preparation as *mut Preparation<Make> as *mut c_void,
            );
            if memory.is_null() {
                Err(Failure(RTOOL_FAILED))
            } else {
                Ok(core::slice::from_raw_parts(memory as *const Element, count))
            }
        }
    }

    /// Follows the gradient of the sum of the terms.
    pub fn ascend(&self, terms: &[rtool_term], ascent: &rtool_ascent) -> Result<rtool_outcome> {
        let objective = rtool_objective {
            term_size: size_of::<rtool_term>() as u32,
            terms: terms.as_ptr(),
            term_count: terms.len() as u32,
            ..objective()
        };
        let mut outcome = outcome();
        check(unsafe { self.table.ascend.unwrap()(self.table, &objective, ascent, &mut outcome) })?;
        Ok(outcome)
    }

    /// Hands over the photo with the change of its working copy to `changed`.
    pub fn emit(&self, copy: &rtool_working_copy, changed: *const rtool_image, strength: f64) -> Result<()> {
        unsafe {
            let image = self.table.working_result.unwrap()(self.table, copy, changed, strength);
            if image.is_null() {
                return Err(Failure(RTOOL_FAILED));
            }
            let piece = rtool_piece {
                x: copy.x,
                y: copy.y,
                image,
            };
            let result = rtool_result {
                piece_count: 1,
                over: copy.photo,
                pieces: &piece,
                ..result()
            };
            check(self.table.emit.unwrap()(self.table, &result))
        }
    }

    /// Reports an error of the task's own.
    pub fn fail(&self, text: &CStr) -> Failure {
        Failure(unsafe { self.table.fail.unwrap()(self.table, RTOOL_FAILED, text.as_ptr() as *const c_char) })
    }
}

/// Calls a task; an error becomes its status, and a panic is reported.
///
/// # Safety
/// The pointers are those that `run` was called with, and there are `count` values.
pub unsafe fn perform(
    table: *const rtool_host,
    values: *const rtool_value,
    count: usize,
    task: fn(Host, &[rtool_value]) -> Result<()>,
) -> rtool_status {
    let host = Host {
        table: unsafe { &*table },
    };
    let values = unsafe { core::slice::from_raw_parts(values, count) };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task(host, values))) {
        Ok(Ok(())) => RTOOL_OK,
        Ok(Err(Failure(status))) => status,
        Err(_) => host.fail(c"the task panicked").0,
    }
}

/// Exports a plugin: `plugin!(PARAMS, c"nudge", c"1.0", c"Move a photo towards a class", task)`.
#[macro_export]
macro_rules! plugin {
    ($params:ident, $name:expr, $version:expr, $summary:expr, $task:path) => {
        extern "C" fn rtool_guarded_run(
            host: *const $crate::ffi::rtool_host,
            values: *const $crate::ffi::rtool_value,
        ) -> $crate::ffi::rtool_status {
            unsafe { $crate::perform(host, values, $params.0.len(), $task) }
        }

        static RTOOL_MANIFEST: $crate::Lasting<$crate::ffi::rtool_manifest> =
            $crate::manifest($name, $version, $summary, &$params.0, rtool_guarded_run);

        #[no_mangle]
        pub extern "C" fn rtool_plugin(_host_abi: u32) -> *const $crate::ffi::rtool_manifest {
            &RTOOL_MANIFEST.0
        }
    };
}
