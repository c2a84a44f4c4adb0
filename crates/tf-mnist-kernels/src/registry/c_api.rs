//! The functions of TensorFlow's C kernel API (`c/ops.h`, `c/kernels.h`, `c/tf_tensor.h`, `c/tf_status.h`), which the
//! tensorflow crate does not bind, found in the library that is open.

use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

/// TensorFlow's types `TF_...`, whose insides are its own.
macro_rules! opaque {
    ($($name:ident)*) => {
        $(#[doc = concat!("`TF_", stringify!($name), "`")] #[repr(C)] pub(crate) struct $name { _inside: [u8; 0] })*
    };
}
opaque! { Status Tensor OpDefinitionBuilder ShapeInferenceContext ShapeHandle KernelBuilder OpKernelContext }

/// `TF_FLOAT`
pub(crate) const FLOAT: c_int = 1;
/// `TF_INTERNAL`
pub(crate) const INTERNAL: c_int = 13;
/// `TF_INVALID_ARGUMENT`
pub(crate) const INVALID_ARGUMENT: c_int = 3;

pub(crate) type InferShapes = extern "C" fn(*mut ShapeInferenceContext, *mut Status);
pub(crate) type Compute = extern "C" fn(*mut c_void, *mut OpKernelContext);
/// What makes or deletes a kernel's state, of which ours have none.
pub(crate) type Nothing = Option<extern "C" fn()>;

macro_rules! functions {
    ($($field:ident: $name:literal, fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct Api {
            $(pub $field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Api {
            /// Finds them in `library`, which has to be open already; or tells which one is missing.
            pub fn find(library: &Path) -> Result<Self, String> {
                // SAFETY: one that is open is initialised, and gets another handle; no other is opened.
                let library = unsafe { Library::open(Some(library), RTLD_LAZY | RTLD_LOCAL | libc::RTLD_NOLOAD) };
                let library = library.map_err(|error| error.to_string())?;
                let found = Self {
                    $(
                        // SAFETY: the type is that of the header.
                        $field: *unsafe { library.get($name.to_bytes_with_nul()) }
                            .map_err(|_| $name.to_string_lossy())?,
                    )*
                };
                // TensorFlow cannot be unloaded, and is not: `runtime` never closes its handle.
                Ok(found)
            }
        }
    };
}

functions! {
    new_status: c"TF_NewStatus", fn() -> *mut Status;
    delete_status: c"TF_DeleteStatus", fn(*mut Status);
    set_status: c"TF_SetStatus", fn(*mut Status, c_int, *const c_char);
    get_code: c"TF_GetCode", fn(*const Status) -> c_int;
    message: c"TF_Message", fn(*const Status) -> *const c_char;

    tensor_data: c"TF_TensorData", fn(*const Tensor) -> *mut c_void;
    tensor_type: c"TF_TensorType", fn(*const Tensor) -> c_int;
    num_dims: c"TF_NumDims", fn(*const Tensor) -> c_int;
    dim: c"TF_Dim", fn(*const Tensor, c_int) -> i64;
    delete_tensor: c"TF_DeleteTensor", fn(*mut Tensor);

    new_op_definition_builder: c"TF_NewOpDefinitionBuilder", fn(*const c_char) -> *mut OpDefinitionBuilder;
    add_input: c"TF_OpDefinitionBuilderAddInput", fn(*mut OpDefinitionBuilder, *const c_char);
    add_output: c"TF_OpDefinitionBuilderAddOutput", fn(*mut OpDefinitionBuilder, *const c_char);
    set_shape_inference: c"TF_OpDefinitionBuilderSetShapeInferenceFunction", fn(*mut OpDefinitionBuilder, InferShapes);
    register_op_definition: c"TF_RegisterOpDefinition", fn(*mut OpDefinitionBuilder, *mut Status);

    new_shape: c"TF_NewShapeHandle", fn() -> *mut ShapeHandle;
    delete_shape: c"TF_DeleteShapeHandle", fn(*mut ShapeHandle);
    scalar_shape: c"TF_ShapeInferenceContextScalar", fn(*mut ShapeInferenceContext) -> *mut ShapeHandle;
    vector_shape: c"TF_ShapeInferenceContextVectorFromSize", fn(*mut ShapeInferenceContext, usize) -> *mut ShapeHandle;
    input_shape: c"TF_ShapeInferenceContextGetInput",
        fn(*mut ShapeInferenceContext, c_int, *mut ShapeHandle, *mut Status);
    shape_with_rank: c"TF_ShapeInferenceContextWithRank",
        fn(*mut ShapeInferenceContext, *mut ShapeHandle, i64, *mut ShapeHandle, *mut Status);
    subshape: c"TF_ShapeInferenceContextSubshape",
        fn(*mut ShapeInferenceContext, *mut ShapeHandle, i64, i64, *mut ShapeHandle, *mut Status);
    concatenate_shapes: c"TF_ShapeInferenceContextConcatenateShapes",
        fn(*mut ShapeInferenceContext, *mut ShapeHandle, *mut ShapeHandle, *mut ShapeHandle, *mut Status);
    set_output_shape: c"TF_ShapeInferenceContextSetOutput",
        fn(*mut ShapeInferenceContext, c_int, *mut ShapeHandle, *mut Status);

    new_kernel_builder: c"TF_NewKernelBuilder",
        fn(*const c_char, *const c_char, Nothing, Compute, Nothing) -> *mut KernelBuilder;
    register_kernel_builder: c"TF_RegisterKernelBuilder", fn(*const c_char, *mut KernelBuilder, *mut Status);
    get_input: c"TF_GetInput", fn(*mut OpKernelContext, c_int, *mut *mut Tensor, *mut Status);
    allocate_output: c"TF_AllocateOutput",
        fn(*mut OpKernelContext, c_int, c_int, *const i64, c_int, usize, *mut Status) -> *mut Tensor;
    op_failure: c"TF_OpKernelContext_Failure", fn(*mut OpKernelContext, *mut Status);
}

impl Api {
    /// What `call` gives, unless the status that it is lent tells of an error.
    pub fn check<T>(&self, call: impl FnOnce(*mut Status) -> T) -> Result<T, String> {
        // SAFETY: the status is ours, and its message lives until it is deleted.
        unsafe {
            let status = (self.new_status)();
            let given = call(status);
            let result = match (self.get_code)(status) {
                0 => Ok(given),
                _ => Err(CStr::from_ptr((self.message)(status)).to_string_lossy().into_owned()),
            };
            (self.delete_status)(status);
            result
        }
    }

    /// Fails the run of an op.
    pub fn fail(&self, context: *mut OpKernelContext, code: c_int, message: &str) {
        let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
        // SAFETY: both live; status and message are copied.
        let set = |status| unsafe {
            (self.set_status)(status, code, message.as_ptr());
            (self.op_failure)(context, status);
        };
        let _ = self.check(set); // the error that it tells of is this one
    }
}
