using System.Net;
using System.Net.Http.Headers;

namespace EnvPlatform.Agent.Client;

/// <summary>A file as a request's body, read while it is sent; reports how many bytes were sent.</summary>
internal sealed class UploadContent : HttpContent
{
    private readonly string _file;
    private readonly Action<long> _sent;

    public UploadContent(string file, string mediaType, Action<long> sent)
    {
        _file = file;
        _sent = sent;
        Headers.ContentType = new MediaTypeHeaderValue(mediaType);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await using var source = File.OpenRead(_file);
        var buffer = new byte[128 * 1024];
        long sent = 0;
        for (var read = await source.ReadAsync(buffer, cancellationToken); read > 0;
            read = await source.ReadAsync(buffer, cancellationToken))
        {
            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            _sent(sent += read);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = new FileInfo(_file).Length;
        return true;
    }
}
