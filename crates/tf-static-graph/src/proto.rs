//! The protocol buffers of TensorFlow that are read or written here, for prost: of each message the fields that count, under
//! the names and numbers of TensorFlow's `core/protobuf/*.proto` and `core/framework/*.proto`.
//!
//! A field of bytes that is a message there is passed on as TensorFlow serialized it: on the wire the two are one. So are a map
//! and a list of its entries, and a number that is never negative and one without a sign.

use std::collections::BTreeMap;
use tensorflow::DataType;

/// Declares messages for prost, a field a line as in a `.proto` file: its type, its number, and prost's words for it.
#[macro_export]
macro_rules! messages {
    ($($(#[$about:meta])* $message:ident {
        $($(#[$doc:meta])* $field:ident: $type:ty = $number:tt ($($kind:tt)+),)+
    })+) => {$(
        $(#[$about])*
        #[allow(missing_docs)] // the .proto files say what each field is
        #[derive(Clone, PartialEq, ::prost::Message)]
        pub struct $message {
            $($(#[$doc])* #[prost($($kind)+, tag = $number)] pub $field: $type,)+
        }
    )+};
}

// saved_model, meta_graph and saver.proto.
messages! {
    SavedModel {
        saved_model_schema_version: i64 = 1 (int64),
        /// Each a [`MetaGraphDef`].
        meta_graphs: Vec<Vec<u8>> = 2 (bytes, repeated),
    }
    MetaGraphDef {
        meta_info_def: Option<MetaInfoDef> = 1 (message, optional),
        graph_def: Option<GraphDef> = 2 (message, optional),
        saver_def: Option<SaverDef> = 3 (message, optional),
        collection_def: BTreeMap<String, CollectionDef> = 4 (btree_map = "string, message"),
        signature_def: BTreeMap<String, SignatureDef> = 5 (btree_map = "string, message"),
    }
    MetaInfoDef {
        /// Whatever tells graphs apart.
        meta_graph_version: String = 1 (string),
        stripped_op_list: Option<OpList> = 2 (message, optional),
        tags: Vec<String> = 4 (string, repeated),
        tensorflow_version: String = 5 (string),
        stripped_default_attrs: bool = 7 (bool),
    }
    OpList {
        /// Each an `OpDef`.
        op: Vec<Vec<u8>> = 1 (bytes, repeated),
    }
    /// Of an `OpDef`, what tells an attribute's default value.
    OpDefaults {
        attr: Vec<AttrDefault> = 4 (message, repeated),
    }
    AttrDefault {
        name: String = 1 (string),
        /// An `AttrValue`.
        default_value: Option<Vec<u8>> = 3 (bytes, optional),
    }
    SaverDef {
        filename_tensor_name: String = 1 (string),
        save_tensor_name: String = 2 (string),
        restore_op_name: String = 3 (string),
        max_to_keep: i32 = 4 (int32),
        keep_checkpoint_every_n_hours: f32 = 6 (float),
        /// `CheckpointFormatVersion`; 2 is `V2`.
        version: i32 = 7 (int32),
    }
    CollectionDef {
        node_list: Option<NodeList> = 1 (message, optional),
        bytes_list: Option<BytesList> = 2 (message, optional),
    }
    NodeList {
        value: Vec<String> = 1 (string, repeated),
    }
    BytesList {
        value: Vec<Vec<u8>> = 1 (bytes, repeated),
    }
    SignatureDef {
        inputs: BTreeMap<String, TensorInfo> = 1 (btree_map = "string, message"),
        outputs: BTreeMap<String, TensorInfo> = 2 (btree_map = "string, message"),
        method_name: String = 3 (string),
    }
    TensorInfo {
        name: Option<String> = 1 (string, optional),
        dtype: i32 = 2 (int32),
        tensor_shape: Option<TensorShape> = 3 (message, optional),
    }
}

// graph, node_def, variable, tensor and tensor_shape.proto.
messages! {
    /// Every field of it, so that reading and writing it again loses nothing.
    GraphDef {
        node: Vec<NodeDef> = 1 (message, repeated),
        /// A `FunctionDefLibrary`.
        library: Option<Vec<u8>> = 2 (bytes, optional),
        version: i32 = 3 (int32),
        /// A `VersionDef`.
        versions: Option<Vec<u8>> = 4 (bytes, optional),
        /// A `GraphDebugInfo`.
        debug_info: Option<Vec<u8>> = 5 (bytes, optional),
    }
    /// Every field of it.
    NodeDef {
        name: String = 1 (string),
        op: String = 2 (string),
        input: Vec<String> = 3 (string, repeated),
        device: String = 4 (string),
        /// From an attribute's name to its `AttrValue`.
        attr: BTreeMap<String, Vec<u8>> = 5 (btree_map = "string, bytes"),
        /// An `ExperimentalDebugInfo`.
        experimental_debug_info: Option<Vec<u8>> = 6 (bytes, optional),
        /// A `FullTypeDef`.
        experimental_type: Option<Vec<u8>> = 7 (bytes, optional),
    }
    VariableDef {
        variable_name: String = 1 (string),
        initializer_name: String = 2 (string),
        snapshot_name: String = 3 (string),
        is_resource: bool = 5 (bool),
        initial_value_name: String = 6 (string),
        trainable: bool = 7 (bool),
    }
    TensorShape {
        /// Each a `Dim` by its field 1, the size, which prost takes for such a message; -1 where any size will do.
        dim: Vec<i64> = 2 (message, repeated),
    }
    TensorProto {
        dtype: i32 = 1 (int32),
        tensor_shape: Option<TensorShape> = 2 (message, optional),
        /// The values, little-endian, row-major.
        tensor_content: Vec<u8> = 4 (bytes),
        /// Those of a string tensor.
        string_val: Vec<Vec<u8>> = 8 (bytes, repeated),
    }
    /// Of an `AttrValue`, of which one field is set: a tensor.
    TensorValue {
        tensor: Option<TensorProto> = 8 (message, optional),
    }
}

// tensor_bundle.proto: a checkpoint's index.
messages! {
    BundleHeaderProto {
        num_shards: u32 = 1 (uint32),
        endianness: i32 = 2 (int32),
    }
    BundleEntryProto {
        dtype: i32 = 1 (int32),
        shape: Option<TensorShape> = 2 (message, optional),
        shard_id: u32 = 3 (uint32),
        offset: u64 = 4 (uint64),
        size: u64 = 5 (uint64),
        crc32c: u32 = 6 (fixed32),
        /// Each a `TensorSliceProto`, of which only the presence counts here.
        slices: Vec<()> = 7 (message, repeated),
    }
}

// trackable_object_graph.proto: the table in a checkpoint of TensorFlow 2's objects.
messages! {
    TrackableObjectGraph {
        nodes: Vec<TrackableObject> = 1 (message, repeated),
    }
    TrackableObject {
        attributes: Vec<SerializedTensor> = 2 (message, repeated),
    }
    SerializedTensor {
        /// The variable's name in its graph, such as `conv1/kernel`.
        full_name: String = 2 (string),
        checkpoint_key: String = 3 (string),
    }
}

// config, rewriter_config, cluster and tensorflow_server.proto.
messages! {
    ConfigProto {
        device_count: Vec<DeviceCount> = 1 (message, repeated),
        intra_op_parallelism_threads: i32 = 2 (int32),
        inter_op_parallelism_threads: i32 = 5 (int32),
        gpu_options: Option<GpuOptions> = 6 (message, optional),
        allow_soft_placement: bool = 7 (bool),
        graph_options: Option<GraphOptions> = 10 (message, optional),
        operation_timeout_in_ms: i64 = 11 (int64),
        cluster_def: Option<ClusterDef> = 14 (message, optional),
        experimental: Option<Experimental> = 16 (message, optional),
    }
    /// The most devices of a type. 0 is written out, as Python does.
    DeviceCount {
        device_type: String = 1 (string),
        count: Option<i32> = 2 (int32, optional),
    }
    GpuOptions {
        allow_growth: bool = 4 (bool),
        visible_device_list: String = 5 (string),
        experimental: Option<GpuExperimental> = 9 (message, optional),
    }
    GpuExperimental {
        virtual_devices: Vec<VirtualDevices> = 1 (message, repeated),
    }
    VirtualDevices {
        memory_limit_mb: Vec<f32> = 1 (float, repeated),
    }
    GraphOptions {
        rewrite_options: Option<RewriterConfig> = 10 (message, optional),
    }
    RewriterConfig {
        disable_meta_optimizer: bool = 19 (bool),
    }
    /// `ConfigProto.Experimental`.
    Experimental {
        disable_thread_spinning: bool = 9 (bool),
    }
    RunOptions {
        timeout_in_ms: i64 = 2 (int64),
    }
    ClusterDef {
        job: Vec<JobDef> = 1 (message, repeated),
    }
    JobDef {
        name: String = 1 (string),
        /// Addresses by number.
        tasks: BTreeMap<i32, String> = 2 (btree_map = "int32, string"),
    }
    ServerDef {
        cluster: Option<ClusterDef> = 1 (message, optional),
        job_name: String = 2 (string),
        task_index: i32 = 3 (int32),
        default_session_config: Option<ConfigProto> = 4 (message, optional),
        protocol: String = 5 (string),
    }
}

/// The dtypes that a checkpoint or signature of these networks, or of their kin, can have, and their numbers in
/// `types.proto`.
const DATA_TYPES: [(i32, DataType); 11] = [
    (1, DataType::Float),
    (2, DataType::Double),
    (3, DataType::Int32),
    (4, DataType::UInt8),
    (5, DataType::Int16),
    (6, DataType::Int8),
    (7, DataType::String),
    (9, DataType::Int64),
    (10, DataType::Bool),
    (14, DataType::BFloat16),
    (19, DataType::Half),
];

pub(crate) fn data_type(number: i32) -> Option<DataType> {
    DATA_TYPES.into_iter().find(|(other, _)| *other == number).map(|(_, dtype)| dtype)
}

/// The number of a dtype in `types.proto`; of one that neither checkpoints nor signatures have here, 0, which is
/// `DT_INVALID`.
pub fn type_number(dtype: DataType) -> i32 {
    DATA_TYPES.into_iter().find(|(_, other)| *other == dtype).map_or(0, |(number, _)| number)
}
