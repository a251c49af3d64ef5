using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Scanner.Advisories;

/// <summary>Fails on a file that unpacks to more than the limit.</summary>
internal sealed class LimitedStream(Stream inner, long limit) : ReadOnlyStream
{
    private long _bytes;

    public override int Read(byte[] buffer, int offset, int count) => Count(inner.Read(buffer, offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(await inner.ReadAsync(buffer, cancellationToken));

    private int Count(int read)
    {
        _bytes += read;
        return _bytes <= limit ? read : throw new InvalidDataException("The file unpacks to more bytes than the limit.");
    }
}
