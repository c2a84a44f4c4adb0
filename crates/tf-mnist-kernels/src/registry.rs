//! Ops of one's own in TensorFlow.
//!
//! An op is a type that implements [`Op`]: its inputs, its outputs, and a function over slices. All is float32, on the
//! CPU. Shapes are fixed but for the number of rows, which is that of the first input.

mod c_api;

pub(super) use c_api::Api;

use super::Loaded;
use super::how::How;
use super::layout::{Room, written};
use c_api::{FLOAT, INTERNAL, INVALID_ARGUMENT, OpKernelContext, ShapeInferenceContext, Status, Tensor};
use rayon::prelude::*;
use rayon::slice::ChunksMut;
use std::ffi::{CString, c_int, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{array, ptr, slice};

/// Stands for the number of rows in a shape.
pub(super) const ROWS: i64 = -1;

/// A float32 input or output of an op: name and shape.
#[derive(Clone, Copy)]
pub(super) struct Argument(pub &'static str, pub &'static [i64]);

/// What has types as nodes name it, see [`super::ops`]: with factors of float32, and rounded to bfloat16.
pub(super) trait Typed {
    const TYPES: [&'static str; 2];
}

/// An op on the CPU, of `IN` inputs and `OUT` outputs.
pub(super) trait Op<const IN: usize, const OUT: usize>: Typed + 'static {
    /// The first has [`ROWS`].
    const INPUTS: [Argument; IN];
    const OUTPUTS: [Argument; OUT];

    /// Computes `outputs` from `inputs`; each is as large as its shape.
    fn compute(how: How, inputs: [&[f32]; IN], outputs: [Output<'_>; OUT]);
}

/// An output as TensorFlow allocates it: memory that holds no numbers yet.
pub(super) struct Output<'a>(pub &'a mut [MaybeUninit<f32>]);

impl<'a> Output<'a> {
    /// Numbers that a test looks at afterwards.
    #[cfg(test)]
    pub fn over(numbers: &'a mut [f32]) -> Self {
        // SAFETY: whatever is written through this is a number.
        Self(unsafe { slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), numbers.len()) })
    }

    /// All of it, zeros now.
    pub fn zeroed(self) -> &'a mut [f32] {
        self.0.fill(MaybeUninit::new(0.0));
        // SAFETY: every number was written just now.
        unsafe { written(self.0) }
    }

    /// One image after the other, each of so many blocks, all of which are to be written.
    pub fn images(&mut self, blocks: usize) -> ChunksMut<'_, Room> {
        self.0.as_chunks_mut().0.par_chunks_mut(blocks)
    }

    /// Of rows of so many chunks, each of so many blocks: the first chunks of all rows, the second of all, and so on.
    pub fn columns(self, chunks: usize, blocks: usize) -> Vec<Vec<&'a mut [Room]>> {
        let mut columns: Vec<Vec<_>> = (0..chunks).map(|_| Vec::new()).collect();
        for (place, chunk) in self.0.as_chunks_mut().0.chunks_exact_mut(blocks).enumerate() {
            columns[place % chunks].push(chunk);
        }
        columns
    }
}

/// Makes nodes of one of [`Typed::TYPES`] possible in this process, once where both are one.
pub(super) fn register<O: Op<IN, OUT>, const IN: usize, const OUT: usize, const BF16: bool>(
    api: &Api,
) -> Result<(), String> {
    if BF16 && O::TYPES[0] == O::TYPES[1] {
        return Ok(());
    }
    let op_type = c_string(O::TYPES[usize::from(BF16)]);
    // SAFETY: called in the order that TensorFlow's headers ask for; registering takes the builders over, and strings are
    // copied.
    api.check(|status| unsafe {
        let builder = (api.new_op_definition_builder)(op_type.as_ptr());
        for Argument(name, _) in O::INPUTS {
            (api.add_input)(builder, c_string(&format!("{name}: float")).as_ptr());
        }
        for Argument(name, _) in O::OUTPUTS {
            (api.add_output)(builder, c_string(&format!("{name}: float")).as_ptr());
        }
        (api.set_shape_inference)(builder, infer_shapes::<O, IN, OUT>);
        (api.register_op_definition)(builder, status);
    })?;
    let compute = compute::<O, IN, OUT, BF16>;
    // SAFETY: as above.
    api.check(|status| unsafe {
        let kernel = (api.new_kernel_builder)(op_type.as_ptr(), c"CPU".as_ptr(), None, compute, None);
        (api.register_kernel_builder)(op_type.as_ptr(), kernel, status);
    })
}

fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_default()
}

/// Tells TensorFlow the shapes of an op's outputs while a graph is built.
extern "C" fn infer_shapes<O: Op<IN, OUT>, const IN: usize, const OUT: usize>(
    context: *mut ShapeInferenceContext,
    status: *mut Status,
) {
    let Some(Loaded { api, .. }) = super::LOADED.get() else { return };
    // SAFETY: TensorFlow gives a context and a status that live during this call. Each handle is deleted once; what it
    // points to belongs to the context.
    unsafe {
        let rows = (api.new_shape)();
        (api.input_shape)(context, 0, rows, status);
        // An input of unknown rank gets the rank that it must have, and an unknown number of rows.
        let rank = O::INPUTS.first().map_or(0, |Argument(_, shape)| shape.len());
        (api.shape_with_rank)(context, rows, rank as i64, rows, status);
        if (api.get_code)(status) == 0 {
            (api.subshape)(context, rows, 0, 1, rows, status);
            for (number, Argument(_, sizes)) in (0..).zip(O::OUTPUTS) {
                let shape = (api.scalar_shape)(context);
                for &size in sizes {
                    let next = if size == ROWS { rows } else { (api.vector_shape)(context, size as usize) };
                    (api.concatenate_shapes)(context, shape, next, shape, status);
                    if size != ROWS {
                        (api.delete_shape)(next);
                    }
                }
                (api.set_output_shape)(context, number, shape, status);
                (api.delete_shape)(shape);
            }
        }
        (api.delete_shape)(rows);
    }
}

extern "C" fn compute<O: Op<IN, OUT>, const IN: usize, const OUT: usize, const BF16: bool>(
    _: *mut c_void,
    context: *mut OpKernelContext,
) {
    let Some(loaded) = super::LOADED.get() else { return };
    // A panic must not pass through TensorFlow's C++.
    let done = catch_unwind(AssertUnwindSafe(|| run::<O, IN, OUT>(loaded, context, BF16)));
    let (code, message) = match done {
        Ok(Ok(())) => return,
        Ok(Err(message)) => (INVALID_ARGUMENT, message),
        Err(_) => (INTERNAL, "the kernel panicked; this is a bug of tf-mnist".to_owned()),
    };
    loaded.api.fail(context, code, &format!("{}: {message}", O::TYPES[usize::from(BF16)]));
}

/// A tensor that TensorFlow lent, given back with it.
struct Lent<'a> {
    api: &'a Api,
    tensor: *mut Tensor,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // SAFETY: only this reference to the tensor goes.
        unsafe { (self.api.delete_tensor)(self.tensor) }
    }
}

impl Lent<'_> {
    fn shape(&self) -> Vec<i64> {
        // SAFETY: the tensor lives.
        unsafe {
            let rank = (self.api.num_dims)(self.tensor);
            (0..rank).map(|axis| (self.api.dim)(self.tensor, axis)).collect()
        }
    }

    /// Where its numbers are; where there are none, it may have no address.
    fn data(&self) -> *mut f32 {
        // SAFETY: the tensor lives.
        let data = unsafe { (self.api.tensor_data)(self.tensor) }.cast::<f32>();
        if data.is_null() { ptr::dangling_mut() } else { data }
    }
}

fn run<O: Op<IN, OUT>, const IN: usize, const OUT: usize>(
    Loaded { api, instructions, threads }: &Loaded,
    context: *mut OpKernelContext,
    bf16: bool,
) -> Result<(), String> {
    let mut rows = None;
    let mut inputs = Vec::with_capacity(IN);
    for (number, Argument(name, shape)) in (0..).zip(O::INPUTS) {
        let mut tensor = ptr::null_mut();
        // SAFETY: TensorFlow's context lives during the call; it fills `tensor` in.
        api.check(|status| unsafe { (api.get_input)(context, number, &raw mut tensor, status) })?;
        let tensor = Lent { api, tensor };
        // SAFETY: the tensor lives.
        if unsafe { (api.tensor_type)(tensor.tensor) } != FLOAT {
            return Err(format!("its input {name} is not float32"));
        }
        let found = tensor.shape();
        let rows = *rows.get_or_insert(found.first().copied().unwrap_or(0));
        if found != sized(shape, rows) {
            return Err(format!("its input {name} is {found:?}, not {:?}", sized(shape, rows)));
        }
        inputs.push(tensor);
    }
    let rows = rows.unwrap_or(0);
    let mut outputs = Vec::with_capacity(OUT);
    for (number, Argument(_, shape)) in (0..).zip(O::OUTPUTS) {
        let shape = sized(shape, rows);
        let bytes = count(&shape) * size_of::<f32>();
        // SAFETY: TensorFlow's context lives during the call; the shape is copied.
        let tensor = api.check(|status| unsafe {
            let (dims, rank) = (shape.as_ptr(), shape.len() as c_int);
            (api.allocate_output)(context, number, FLOAT, dims, rank, bytes, status)
        })?;
        outputs.push(Lent { api, tensor });
    }
    let count_of = |Argument(_, shape): Argument| count(&sized(shape, rows));
    // SAFETY: an input has as many numbers as its shape, which was checked, as its type was, and no one writes to it during
    // the call; an output was allocated with its shape, and is ours alone.
    let (inputs, outputs): ([&[f32]; IN], [Output; OUT]) = unsafe {
        let input = |n: usize| slice::from_raw_parts(inputs[n].data(), count_of(O::INPUTS[n]));
        let output = |n: usize| slice::from_raw_parts_mut(outputs[n].data().cast(), count_of(O::OUTPUTS[n]));
        (array::from_fn(input), array::from_fn(|n| Output(output(n))))
    };
    if rows == 0 {
        // Sums over no rows are zero.
        let _ = outputs.map(Output::zeroed);
        return Ok(());
    }
    let how = How { instructions: *instructions, bf16 };
    threads.install(|| O::compute(how, inputs, outputs));
    Ok(())
}

fn sized(shape: &[i64], rows: i64) -> Vec<i64> {
    shape.iter().map(|&size| if size == ROWS { rows } else { size }).collect()
}

fn count(shape: &[i64]) -> usize {
    shape.iter().map(|&size| size as usize).product()
}
