//! How messages are put on the wire: prost, with buffers that fit a device.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::ProstCodec;

/// Bytes a buffer starts with, one in each direction of a call. It grows with the first message that needs more; most of
/// a device's life needs less, and there are thousands of them.
const FIRST_BYTES: usize = 512;
/// Encoded bytes after which a stream hands on what it has.
const YIELD_BYTES: usize = 4096;

/// The codec of all generated clients and servers: [`ProstCodec`] but for the size of its buffers. Its own take 16 KiB a
/// stream, most of what an idle one costs.
#[derive(Debug)]
pub struct SmallBuffers<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for SmallBuffers<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for SmallBuffers<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as Codec>::Encoder;
    type Decoder = <ProstCodec<T, U> as Codec>::Decoder;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(BufferSettings::new(FIRST_BYTES, YIELD_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, U>::raw_decoder(BufferSettings::new(FIRST_BYTES, YIELD_BYTES))
    }
}
