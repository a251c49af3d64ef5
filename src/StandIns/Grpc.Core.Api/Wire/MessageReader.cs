using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Grpc.Core.Wire;

/// <summary>
/// Reads length-prefixed messages; each is deserialized from the transport's own buffers. One reader serves one call. The limit is in bytes,
/// null for none; a compressed message gives the status <c>unsupportedEncoding</c>: a server answers Unimplemented, a client sees Internal.
/// </summary>
internal sealed class MessageReader<T>(
    PipeReader pipe, Func<DeserializationContext, T> deserializer, int? maxMessageSize, string? encoding, StatusCode unsupportedEncoding) : DeserializationContext
    where T : class
{
    private ReadOnlySequence<byte> _payload;

    public override int PayloadLength => (int)_payload.Length;

    public override byte[] PayloadAsNewBuffer() => _payload.ToArray();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => _payload;

    /// <summary>The next message, or null at the end of the stream.</summary>
    /// <exception cref="RpcException">The message is too large, compressed or cut off.</exception>
    public async ValueTask<T?> ReadAsync(CancellationToken cancellationToken)
    {
        var needed = WireFormat.PrefixLength;
        while (true)
        {
            var result = await pipe.ReadAtLeastAsync(needed, cancellationToken);
            if (result.IsCanceled)
                throw new OperationCanceledException("The body is no longer read.");
            var buffer = result.Buffer;
            var consumed = buffer.Start;
            var isEmpty = buffer.IsEmpty;
            try
            {
                if (buffer.Length >= WireFormat.PrefixLength)
                {
                    needed = WireFormat.PrefixLength + ReadLength(buffer);
                    if (buffer.Length >= needed)
                    {
                        var message = Deserialize(buffer.Slice(WireFormat.PrefixLength, needed - WireFormat.PrefixLength));
                        consumed = buffer.GetPosition(needed);
                        return message;
                    }
                }
            }
            finally
            {
                // After a whole message nothing more is examined: the next read gives what came behind it.
                pipe.AdvanceTo(consumed, consumed.Equals(buffer.Start) ? buffer.End : consumed);
            }

            if (result.IsCompleted)
                return isEmpty ? null : throw new RpcException(new Status(StatusCode.Internal, "Incomplete message."));
        }
    }

    /// <summary>The only message of a request or response.</summary>
    /// <exception cref="RpcException">There is none, or more than one.</exception>
    public async ValueTask<T?> ReadSingleAsync(CancellationToken cancellationToken)
    {
        var message = await ReadAsync(cancellationToken);
        if (message is not null && await ReadAsync(cancellationToken) is not null)
            throw new RpcException(new Status(StatusCode.Internal, "Additional data after the message received."));
        return message;
    }

    private int ReadLength(ReadOnlySequence<byte> buffer)
    {
        Span<byte> prefix = stackalloc byte[WireFormat.PrefixLength];
        buffer.Slice(0, WireFormat.PrefixLength).CopyTo(prefix);
        if (prefix[0] == 1)
            throw new RpcException(Compressed());
        if (prefix[0] != 0)
            throw new RpcException(new Status(StatusCode.Internal, "Unexpected compressed flag value in message header."));
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > (uint)(maxMessageSize ?? int.MaxValue - WireFormat.PrefixLength))
            throw new RpcException(new Status(StatusCode.ResourceExhausted, "Received message exceeds the maximum configured message size."));
        return (int)length;
    }

    private Status Compressed() => encoding switch
    {
        null => new Status(StatusCode.Internal, "Message is compressed but there is no grpc-encoding value."),
        WireFormat.Identity => new Status(StatusCode.Internal, "Message is compressed but the grpc-encoding value is 'identity'."),
        _ => new Status(unsupportedEncoding, $"Unsupported grpc-encoding value '{encoding}'. Supported encodings: identity"),
    };

    private T Deserialize(ReadOnlySequence<byte> payload)
    {
        _payload = payload;
        try
        {
            return deserializer(this);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw new RpcException(new Status(StatusCode.Internal, "Failed to deserialize the message.", e));
        }
        finally
        {
            _payload = default;
        }
    }
}
