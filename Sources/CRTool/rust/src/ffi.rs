//! The structures and numbers of rtool.h, field by field. What they mean is said there.
#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_void};

pub const RTOOL_ABI_MAJOR: u32 = 0;
pub const RTOOL_ABI_MINOR: u32 = 6;
pub const RTOOL_ABI: u32 = RTOOL_ABI_MAJOR << 16 | RTOOL_ABI_MINOR;

pub type rtool_status = i32;
pub const RTOOL_OK: rtool_status = 0;
pub const RTOOL_STOPPED: rtool_status = 1;
pub const RTOOL_FAILED: rtool_status = 2;
pub const RTOOL_INVALID: rtool_status = 3;
pub const RTOOL_USAGE: rtool_status = 4;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_image {
    pub width: i32,
    pub height: i32,
    pub channels: i32,
    pub stride: i32,
    pub data: *mut f32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_tensor {
    pub channels: i32,
    pub height: i32,
    pub width: i32,
    pub data: *mut f32,
}

pub type rtool_filter = u32;
pub const RTOOL_FILTER_LINEAR: rtool_filter = 0;
pub const RTOOL_FILTER_CUBIC: rtool_filter = 1;
pub const RTOOL_FILTER_LANCZOS: rtool_filter = 2;
pub const RTOOL_FILTER_BOX: rtool_filter = 3;
pub const RTOOL_FILTER_NEAREST: rtool_filter = 4;
pub const RTOOL_FILTER_WRAP: rtool_filter = 1 << 8;

pub type rtool_param_kind = u32;
pub const RTOOL_BOOL: rtool_param_kind = 0;
pub const RTOOL_INT: rtool_param_kind = 1;
pub const RTOOL_REAL: rtool_param_kind = 2;
pub const RTOOL_TEXT: rtool_param_kind = 3;
pub const RTOOL_CHOICE: rtool_param_kind = 4;
pub const RTOOL_IMAGE: rtool_param_kind = 5;
pub const RTOOL_MASK: rtool_param_kind = 6;
pub const RTOOL_CLASS: rtool_param_kind = 7;
pub const RTOOL_COLOR: rtool_param_kind = 8;
pub const RTOOL_POINT: rtool_param_kind = 9;
pub const RTOOL_BOX: rtool_param_kind = 10;
pub const RTOOL_FILE: rtool_param_kind = 11;
pub const RTOOL_LAYER: rtool_param_kind = 12;
pub const RTOOL_ASCENT: rtool_param_kind = 13;
pub const RTOOL_MODEL: rtool_param_kind = 14;

pub type rtool_param_flags = u32;
pub const RTOOL_REQUIRED: rtool_param_flags = 1 << 0;
pub const RTOOL_POSITIONAL: rtool_param_flags = 1 << 1;
pub const RTOOL_REPEATED: rtool_param_flags = 1 << 2;
pub const RTOOL_ADVANCED: rtool_param_flags = 1 << 3;
pub const RTOOL_LOGARITHMIC: rtool_param_flags = 1 << 4;
pub const RTOOL_AUTO: rtool_param_flags = 1 << 5;
pub const RTOOL_NONE: rtool_param_flags = 1 << 6;
pub const RTOOL_WITH_ALPHA: rtool_param_flags = 1 << 7;
pub const RTOOL_ON_DEMAND: rtool_param_flags = 1 << 8;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_choice {
    pub name: *const c_char,
    pub help: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_param {
    pub name: *const c_char,
    pub help: *const c_char,
    pub value: *const c_char,
    pub group: *const c_char,
    pub unit: *const c_char,
    pub kind: rtool_param_kind,
    pub flags: rtool_param_flags,
    pub letter: u32,
    pub choice_count: u32,
    pub choices: *const rtool_choice,
    pub initial: f64,
    pub initial_text: *const c_char,
    pub min: f64,
    pub max: f64,
    pub soft_min: f64,
    pub soft_max: f64,
    pub step: f64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_preset {
    pub name: *const c_char,
    pub help: *const c_char,
    pub settings: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_value {
    pub given: u32,
    pub count: u32,
    pub numbers: *const f64,
    pub texts: *const *const c_char,
    pub images: *const *const rtool_image,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_example {
    pub arguments: *const c_char,
    pub help: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_manifest {
    pub struct_size: u32,
    pub abi: u32,
    pub param_size: u32,
    pub param_count: u32,
    pub params: *const rtool_param,
    pub name: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub description: *const c_char,
    pub author: *const c_char,
    pub license: *const c_char,
    pub url: *const c_char,
    pub examples: *const rtool_example,
    pub example_count: u32,
    pub preset_count: u32,
    pub presets: *const rtool_preset,
    pub run: Option<unsafe extern "C" fn(host: *const rtool_host, values: *const rtool_value) -> rtool_status>,
    pub built_with: u32,
    pub flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_layer {
    pub name: *const c_char,
    pub channels: i32,
    pub reduction: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_model {
    pub struct_size: u32,
    pub layer_size: u32,
    pub name: *const c_char,
    pub classes: *const *const c_char,
    pub class_count: i32,
    pub layer_count: i32,
    pub layers: *const rtool_layer,
    pub side: i32,
    pub smallest: i32,
    pub eps: f64,
    pub has_seeds: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_class_weight {
    pub index: i32,
    pub weight: f64,
}

pub type rtool_term_kind = u32;
pub const RTOOL_TERM_CLASS: rtool_term_kind = 0;
pub const RTOOL_TERM_LOGIT: rtool_term_kind = 1;
pub const RTOOL_TERM_FEATURE: rtool_term_kind = 2;
pub const RTOOL_TERM_REPRESENTATION: rtool_term_kind = 3;
pub const RTOOL_TERM_PIXELS: rtool_term_kind = 4;
pub const RTOOL_TERM_SMOOTHNESS: rtool_term_kind = 5;
pub const RTOOL_TERM_ENTROPY: rtool_term_kind = 6;
pub const RTOOL_TERM_STATISTICS: rtool_term_kind = 7;
pub const RTOOL_TERM_CUSTOM: rtool_term_kind = 8;
pub const RTOOL_TERM_MEASUREMENT: rtool_term_kind = 9;

pub type rtool_statistics = u32;
pub const RTOOL_STATISTIC_MEAN: rtool_statistics = 1 << 0;
pub const RTOOL_STATISTIC_DEVIATION: rtool_statistics = 1 << 1;
pub const RTOOL_STATISTIC_GRAM: rtool_statistics = 1 << 2;
pub const RTOOL_STATISTIC_COVARIANCE: rtool_statistics = 1 << 3;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_evaluation {
    pub struct_size: u32,
    pub index: i32,
    pub step: i32,
    pub class_count: i32,
    pub layer_count: i32,
    pub image: *const rtool_image,
    pub logits: *const f32,
    pub features: *const rtool_tensor,
    pub loss: f64,
    pub image_gradient: *mut rtool_image,
    pub logit_gradient: *mut f32,
    pub feature_gradients: *const rtool_tensor,
}

pub type rtool_custom = unsafe extern "C" fn(user: *mut c_void, evaluation: *mut rtool_evaluation) -> rtool_status;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_term {
    pub kind: rtool_term_kind,
    pub unit: i32,
    pub weight: f64,
    pub layer: *const c_char,
    pub classes: *const rtool_class_weight,
    pub class_count: u32,
    pub statistics: rtool_statistics,
    pub target: *const rtool_image,
    pub region: *const rtool_image,
    pub target_region: *const rtool_image,
    pub image_count: u32,
    pub relative: i32,
    pub custom: Option<rtool_custom>,
    pub user: *mut c_void,
    pub layers: *const *const c_char,
    pub layer_count: u32,
    pub filter: rtool_filter,
    pub sigma: f64,
    pub target_features: *const rtool_tensor,
    pub channel_weights: *const f32,
    pub kernel: *const rtool_image,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_objective {
    pub struct_size: u32,
    pub term_size: u32,
    pub terms: *const rtool_term,
    pub term_count: u32,
}

pub type rtool_rule = u32;
pub const RTOOL_RULE_NORMALISED: rtool_rule = 0;
pub const RTOOL_RULE_SIGN: rtool_rule = 1;
pub const RTOOL_RULE_PLAIN: rtool_rule = 2;
pub const RTOOL_RULE_ADAM: rtool_rule = 3;

pub type rtool_parameters = u32;
pub const RTOOL_PARAMETERS_PIXELS: rtool_parameters = 0;
pub const RTOOL_PARAMETERS_FOURIER: rtool_parameters = 1;

pub type rtool_set = u32;
pub const RTOOL_SET_BOX: rtool_set = 0;
pub const RTOOL_SET_L2: rtool_set = 1;
pub const RTOOL_SET_LINF: rtool_set = 2;

pub type rtool_ascent_flags = u32;
pub const RTOOL_ASCENT_PASS_RELU: rtool_ascent_flags = 1 << 0;
pub const RTOOL_ASCENT_BEST: rtool_ascent_flags = 1 << 1;
pub const RTOOL_ASCENT_STOP_BELOW: rtool_ascent_flags = 1 << 2;
pub const RTOOL_ASCENT_WRAP: rtool_ascent_flags = 1 << 3;
pub const RTOOL_ASCENT_TRIAL: rtool_ascent_flags = 1 << 4;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_ascent {
    pub struct_size: u32,
    pub flags: rtool_ascent_flags,
    pub start: *const rtool_image,
    pub count: u32,
    pub steps: i32,
    pub step_size: f64,
    pub final_step_size: f64,
    pub rule: rtool_rule,
    pub set: rtool_set,
    pub radius: f64,
    pub centre: *const rtool_image,
    pub free: *const rtool_image,
    pub gradient_blur: f64,
    pub gradient_trend: f64,
    pub chroma_damping: f64,
    pub jitter: i32,
    pub reserved: i32,
    pub progress_from: f64,
    pub progress_to: f64,
    pub note: *const c_char,
    pub parameters: rtool_parameters,
    pub levels: i32,
    pub momentum: f64,
    pub noise: f64,
    pub zoom: f64,
    pub stop_loss: f64,
    pub patience: i32,
    pub reserved_2: i32,
    pub place_x: i32,
    pub place_y: i32,
    pub place_width: i32,
    pub place_height: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_outcome {
    pub struct_size: u32,
    pub count: u32,
    pub images: *const rtool_image,
    pub start_losses: *const f64,
    pub losses: *const f64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_piece {
    pub x: i32,
    pub y: i32,
    pub image: *const rtool_image,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_result {
    pub struct_size: u32,
    pub piece_count: u32,
    pub over: *const rtool_image,
    pub pieces: *const rtool_piece,
    pub caption: *const c_char,
    pub frame_duration: i32,
    pub width: i32,
    pub height: i32,
    pub bit_depth: i32,
    pub name: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_expectation {
    pub struct_size: u32,
    pub reserved: u32,
    pub over: *const rtool_image,
    pub width: i32,
    pub height: i32,
    pub memory: u64,
    pub seconds: f64,
}

pub type rtool_copy_flags = u32;
pub const RTOOL_COPY_AROUND_MASK: rtool_copy_flags = 1 << 0;
pub const RTOOL_COPY_WRAP: rtool_copy_flags = 1 << 1;

pub type rtool_enlarge_flags = u32;
pub const RTOOL_ENLARGE_JPEG: rtool_enlarge_flags = 1 << 0;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_working_copy {
    pub struct_size: u32,
    pub flags: rtool_copy_flags,
    pub photo: *const rtool_image,
    pub mask: *const rtool_image,
    pub context: f64,
    pub side: i32,
    pub x: i32,
    pub y: i32,
    pub reserved: i32,
    pub image: *mut rtool_image,
    pub region: *const rtool_image,
    pub seen: *const rtool_image,
    pub seen_mask: *const rtool_image,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_feature {
    pub layer: *const c_char,
    pub unit: i32,
    pub class_index: i32,
    pub rank: i32,
    pub reserved: i32,
}

pub type rtool_log_level = i32;
pub const RTOOL_LOG_NOTE: rtool_log_level = 0;
pub const RTOOL_LOG_WARNING: rtool_log_level = 1;
pub const RTOOL_LOG_DETAIL: rtool_log_level = 2;

pub type rtool_distribution = i32;
pub const RTOOL_RANDOM_UNIFORM: rtool_distribution = 0;
pub const RTOOL_RANDOM_NORMAL: rtool_distribution = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtool_host {
    pub struct_size: u32,
    pub abi: u32,
    pub version: *const c_char,
    pub state: *mut c_void,
    pub model: *const rtool_model,
    pub seed: u64,
    pub threads: i32,
    pub json: i32,
    pub fail: Option<
        unsafe extern "C" fn(host: *const rtool_host, status: rtool_status, text: *const c_char) -> rtool_status,
    >,
    pub log: Option<unsafe extern "C" fn(host: *const rtool_host, level: rtool_log_level, text: *const c_char)>,
    pub progress: Option<unsafe extern "C" fn(host: *const rtool_host, fraction: f64, note: *const c_char) -> i32>,
    pub record: Option<unsafe extern "C" fn(host: *const rtool_host, key: *const c_char, text: *const c_char)>,
    pub alloc: Option<unsafe extern "C" fn(host: *const rtool_host, bytes: usize) -> *mut c_void>,
    pub random: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            distribution: rtool_distribution,
            stream: u64,
            count: usize,
            out: *mut f32,
        ),
    >,
    pub image_new: Option<
        unsafe extern "C" fn(host: *const rtool_host, width: i32, height: i32, channels: i32) -> *mut rtool_image,
    >,
    pub image_resize: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            image: *const rtool_image,
            width: i32,
            height: i32,
            filter: rtool_filter,
        ) -> *mut rtool_image,
    >,
    pub image_crop: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            image: *const rtool_image,
            x: i32,
            y: i32,
            width: i32,
            height: i32,
        ) -> *mut rtool_image,
    >,
    pub blur: Option<
        unsafe extern "C" fn(host: *const rtool_host, image: *const rtool_image, sigma: f64) -> *mut rtool_image,
    >,
    pub image_composite: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            base: *mut rtool_image,
            over: *const rtool_image,
            mask: *const rtool_image,
            x: i32,
            y: i32,
        ) -> rtool_status,
    >,
    pub logits: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            images: *const rtool_image,
            count: u32,
            out: *mut f32,
        ) -> rtool_status,
    >,
    pub features: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            image: *const rtool_image,
            layer: *const c_char,
            out: *mut rtool_tensor,
        ) -> rtool_status,
    >,
    pub gradient: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            objective: *const rtool_objective,
            images: *const rtool_image,
            count: u32,
            losses: *mut f64,
            gradients: *const rtool_image,
        ) -> rtool_status,
    >,
    pub ascend: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            objective: *const rtool_objective,
            ascent: *const rtool_ascent,
            outcome: *mut rtool_outcome,
        ) -> rtool_status,
    >,
    pub class_seed: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            class_index: i32,
            stream: u64,
            width: i32,
            height: i32,
        ) -> *mut rtool_image,
    >,
    pub emit: Option<unsafe extern "C" fn(host: *const rtool_host, result: *const rtool_result) -> rtool_status>,
    pub emit_text: Option<unsafe extern "C" fn(host: *const rtool_host, text: *const c_char) -> rtool_status>,
    pub class_weights:
        Option<unsafe extern "C" fn(host: *const rtool_host, class_index: i32, out: *mut f32) -> rtool_status>,
    pub capability: Option<unsafe extern "C" fn(host: *const rtool_host, name: *const c_char) -> u32>,
    pub parallel: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            count: u32,
            piece: Option<unsafe extern "C" fn(user: *mut c_void, index: u32)>,
            user: *mut c_void,
        ),
    >,
    pub scope_begin: Option<unsafe extern "C" fn(host: *const rtool_host)>,
    pub scope_end: Option<unsafe extern "C" fn(host: *const rtool_host) -> rtool_status>,
    pub image_resample: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            from: *const rtool_image,
            to: *const rtool_image,
            filter: rtool_filter,
        ) -> rtool_status,
    >,
    pub transfer: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            before: *const rtool_image,
            after: *const rtool_image,
            photo: *const rtool_image,
            strength: f64,
        ) -> *mut rtool_image,
    >,
    pub working_copy:
        Option<unsafe extern "C" fn(host: *const rtool_host, copy: *mut rtool_working_copy) -> rtool_status>,
    pub working_result: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            copy: *const rtool_working_copy,
            changed: *const rtool_image,
            strength: f64,
        ) -> *mut rtool_image,
    >,
    pub ascent_options: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            options: *const rtool_value,
            width: i32,
            height: i32,
            ascent: *mut rtool_ascent,
            smoothness: *mut f64,
        ) -> rtool_status,
    >,
    pub ascent_option: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            options: *const rtool_value,
            name: *const c_char,
            number: *mut f64,
        ) -> i32,
    >,
    pub file_bytes:
        Option<unsafe extern "C" fn(host: *const rtool_host, name: *const c_char, count: *mut usize) -> *const c_void>,
    pub features_batch: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            images: *const rtool_image,
            count: u32,
            layer: *const c_char,
            out: *mut rtool_tensor,
        ) -> rtool_status,
    >,
    pub feature_find: Option<
        unsafe extern "C" fn(host: *const rtool_host, text: *const c_char, out: *mut rtool_feature) -> rtool_status,
    >,
    pub feature_name:
        Option<unsafe extern "C" fn(host: *const rtool_host, feature: *const rtool_feature) -> *const c_char>,
    pub feature_classes: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            feature: *const rtool_feature,
            count: u32,
            out: *mut rtool_class_weight,
        ) -> u32,
    >,
    pub emit_json: Option<unsafe extern "C" fn(host: *const rtool_host, json: *const c_char) -> rtool_status>,
    pub json_text: Option<unsafe extern "C" fn(host: *const rtool_host, text: *const c_char) -> *const c_char>,
    pub with_model:
        Option<unsafe extern "C" fn(host: *const rtool_host, text: *const c_char) -> *const rtool_host>,
    pub prepared: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            key: *const c_char,
            bytes: usize,
            make: Option<
                unsafe extern "C" fn(host: *const rtool_host, memory: *mut c_void, user: *mut c_void) -> rtool_status,
            >,
            user: *mut c_void,
        ) -> *const c_void,
    >,
    pub bit_depth: i32,
    pub reserved: i32,
    pub image_open: Option<
        unsafe extern "C" fn(host: *const rtool_host, param: u32, index: u32, side: i32) -> *const rtool_image,
    >,
    pub image_skip:
        Option<unsafe extern "C" fn(host: *const rtool_host, param: u32, index: u32, text: *const c_char)>,
    pub emit_part: Option<unsafe extern "C" fn(host: *const rtool_host, text: *const c_char) -> rtool_status>,
    pub expect: Option<
        unsafe extern "C" fn(host: *const rtool_host, expectation: *const rtool_expectation) -> rtool_status,
    >,
    pub show:
        Option<unsafe extern "C" fn(host: *const rtool_host, step: i32, loss: f64, image: *const rtool_image)>,
    pub is_watched: Option<unsafe extern "C" fn(host: *const rtool_host) -> i32>,
    pub show_at: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            image: *const rtool_image,
            x: i32,
            y: i32,
            width: i32,
            height: i32,
        ),
    >,
    pub image_enlarge: Option<
        unsafe extern "C" fn(
            host: *const rtool_host,
            image: *const rtool_image,
            factor: i32,
            flags: rtool_enlarge_flags,
            network: *const c_char,
        ) -> *mut rtool_image,
    >,
    pub jpeg_quality: Option<unsafe extern "C" fn(host: *const rtool_host, image: *const rtool_image) -> i32>,
}
