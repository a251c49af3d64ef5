using System.Buffers;
using System.Buffers.Binary;

namespace Grpc.Core.Wire;

/// <summary>
/// Writes length-prefixed messages. A serializer that names the length first writes into the transport's own buffers; otherwise the
/// message is buffered to learn its length. The limit is in bytes, null for none.
/// </summary>
internal sealed class MessageWriter(IBufferWriter<byte> target, int? maxMessageSize) : SerializationContext, IBufferWriter<byte>
{
    private int? _length;
    private int _written;
    private ArrayBufferWriter<byte>? _buffer;
    private bool _completed;

    /// <exception cref="RpcException">The message is larger than may be sent; nothing was written.</exception>
    public void Write<T>(T message, Action<T, SerializationContext> serializer)
    {
        _length = null;
        _written = 0;
        _buffer = null;
        _completed = false;
        serializer(message, this);
        if (!_completed)
            throw new InvalidOperationException("The serializer did not complete the message.");
    }

    public override void SetPayloadLength(int payloadLength)
    {
        if (_length is not null || _buffer is not null)
            throw new InvalidOperationException("The length of the message is set once, and before its first byte.");
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        WritePrefix(payloadLength);
        _length = payloadLength;
    }

    public override IBufferWriter<byte> GetBufferWriter() => _length is null ? _buffer ??= new ArrayBufferWriter<byte>() : this;

    public override void Complete(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        if (_length is null)
            WritePrefix(payload.Length);
        else if (_length != payload.Length)
            throw new InvalidOperationException($"The message was to be {_length} bytes long, but has {payload.Length}.");
        target.Write(payload);
        _completed = true;
    }

    public override void Complete()
    {
        if (_length is null)
        {
            WritePrefix(_buffer?.WrittenCount ?? 0);
            if (_buffer is not null)
                target.Write(_buffer.WrittenSpan);
        }
        else if (_length != _written)
        {
            throw new InvalidOperationException($"The message was to be {_length} bytes long, but has {_written}.");
        }

        _completed = true;
    }

    void IBufferWriter<byte>.Advance(int count)
    {
        _written += count;
        target.Advance(count);
    }

    Memory<byte> IBufferWriter<byte>.GetMemory(int sizeHint) => target.GetMemory(sizeHint);

    Span<byte> IBufferWriter<byte>.GetSpan(int sizeHint) => target.GetSpan(sizeHint);

    private void WritePrefix(int length)
    {
        if (length > maxMessageSize)
            throw new RpcException(new Status(StatusCode.ResourceExhausted, "Sending message exceeds the maximum configured message size."));
        if (target is PooledBuffer pooled)
            pooled.Reserve(WireFormat.PrefixLength + length);
        var prefix = target.GetSpan(WireFormat.PrefixLength);
        prefix[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)length);
        target.Advance(WireFormat.PrefixLength);
    }
}
