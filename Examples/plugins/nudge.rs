//! nudge - a whole plugin in Rust, the same as nudge.c beside it: it moves a photo towards a class.
//!
//!     rustc -O --crate-name rtool --crate-type rlib --edition 2021 ../../Sources/CRTool/rust/src/lib.rs
//!     rustc -O --crate-type cdylib --edition 2021 --extern rtool=librtool.rlib -o librtool-nudge.so nudge.rs
//!     RTOOL_PATH=$PWD rtool nudge photo.jpg --class sea -o nudged.jpg
use rtool::{ascent_param, ffi::*, param, term, Host, Lasting, Result};

const IMAGE: usize = 0;
const CLASS: usize = 1;
const MASK: usize = 2;
const STRENGTH: usize = 3;
const ASCENT: usize = 4;

static PARAMS: Lasting<[rtool_param; 5]> = Lasting([
    param(c"image", c"the photo", RTOOL_IMAGE, RTOOL_POSITIONAL | RTOOL_REQUIRED),
    rtool_param {
        letter: 'c' as u32,
        ..param(c"class", c"what it becomes", RTOOL_CLASS, RTOOL_REQUIRED)
    },
    param(c"mask", c"where to change it", RTOOL_MASK, 0),
    rtool_param {
        initial: 1.0,
        max: 100.0,
        ..param(c"strength", c"how much of the change is taken over", RTOOL_REAL, 0)
    },
    ascent_param(c"steps=60 step-size=1 radius=25 jitter=4 levels=4 pass-relu=on"),
]);

fn nudge(host: Host, values: &[rtool_value]) -> Result<()> {
    // The model knows what its classes look like at its own size: the photo is worked on there.
    let mut copy = rtool_working_copy {
        flags: RTOOL_COPY_AROUND_MASK,
        context: 0.75,
        ..rtool::working_copy()
    };
    copy.photo = unsafe { *values[IMAGE].images };
    if values[MASK].count > 0 {
        copy.mask = unsafe { *values[MASK].images };
    }
    host.working_copy(&mut copy)?;

    let classes = host.classes(&values[CLASS])?;
    let mut ascent = rtool_ascent {
        start: copy.image,
        count: 1,
        free: copy.region,
        ..rtool::ascent()
    };
    let (width, height) = unsafe { ((*copy.image).width, (*copy.image).height) };
    let smoothness = host.ascent_options(&values[ASCENT], width, height, &mut ascent)?;
    let towards = rtool_term {
        classes: classes.as_ptr(),
        class_count: classes.len() as u32,
        ..term(RTOOL_TERM_CLASS, 1.0)
    };
    let terms = [towards, term(RTOOL_TERM_SMOOTHNESS, smoothness)];
    let outcome = host.ascend(if smoothness > 0.0 { &terms } else { &terms[..1] }, &ascent)?;

    // The change is carried to the photo's own size, along its edges.
    host.emit(&copy, outcome.images, unsafe { *values[STRENGTH].numbers })
}

rtool::plugin!(PARAMS, c"nudge", c"2.0", c"Move a photo towards a class", nudge);
