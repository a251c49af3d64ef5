using System.Collections.Concurrent;
using System.Security.Cryptography;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Testing;

/// <summary>A publisher of files over HTTP that supports entity tags and ranges, and disconnects or stops sending on request.</summary>
public sealed class FeedServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, File> _files = new(StringComparer.Ordinal);

    private FeedServer(WebApplication app) => _app = app;

    /// <summary>How a publisher determines whether a file is unchanged (RFC 9110, 8.8).</summary>
    public enum KnownBy
    {
        Tag,
        WeakTag,
        Time,
        Nothing,
    }

    public sealed record Asked(string Path, string? Range, string? IfRange, string? IfNoneMatch, int Status);

    public ConcurrentQueue<Asked> Requests { get; } = new();

    public string Address => _app.Urls.First();

    public static async Task<FeedServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = new FeedServer(builder.Build());
        server._app.Run(server.AnswerAsync);
        await server._app.StartAsync();
        return server;
    }

    /// <param name="breakAfter">The next full response breaks off after that many bytes.</param>
    /// <param name="holdAfter">The next full response stalls after that many bytes, until <see cref="Release"/>.</param>
    /// <param name="hash">The header <c>x-goog-hash</c>.</param>
    /// <param name="knownBy">How the file is determined to be unchanged.</param>
    public void Publish(
        string path, byte[] content, int? breakAfter = null, TimeSpan? wait = null, int? holdAfter = null, string? hash = null,
        KnownBy knownBy = KnownBy.Tag) =>
        _files[path] = new(content, wait ?? TimeSpan.Zero, hash, knownBy) { BreakAfter = breakAfter, HoldAfter = holdAfter };

    /// <summary>Lets the stalled responses continue.</summary>
    public void Release(string path) => _files[path].Released.TrySetResult();

    public Asked[] RequestsFor(string path) => [.. Requests.Where(asked => asked.Path == path)];

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        var headers = http.Request.Headers;
        var file = _files.GetValueOrDefault(path);
        var range = file is not null && file.IsStill(headers.IfRange)
            && headers.Range.ToString() is ['b', 'y', 't', 'e', 's', '=', .. var from, '-'] ? int.Parse(from, null) : 0;
        var isKnown = file is not null
            && (file.ETag is not null ? headers.IfNoneMatch == file.ETag : file.IsStill(headers.IfModifiedSince));
        http.Response.StatusCode = file is null ? 404 : isKnown ? 304 : range > 0 ? 206 : 200;
        Requests.Enqueue(new(path, headers.Range, headers.IfRange, headers.IfNoneMatch, http.Response.StatusCode));
        if (file is null)
        {
            return;
        }

        await Task.Delay(file.Wait, TimeProvider.System);
        http.Response.Headers.ETag = file.ETag;
        http.Response.Headers.LastModified = file.LastModified;
        if (http.Response.StatusCode == 304)
        {
            return;
        }

        if (file.Hash is not null)
        {
            http.Response.Headers["x-goog-hash"] = file.Hash;
        }

        if (range > 0)
        {
            http.Response.Headers.ContentRange = $"bytes {range}-{file.Content.Length - 1}/{file.Content.Length}";
        }

        http.Response.ContentLength = file.Content.Length - range;
        if (file.HoldAfter is { } held && range == 0)
        {
            file.HoldAfter = null;
            await http.Response.Body.WriteAsync(file.Content.AsMemory(0, held));
            await http.Response.Body.FlushAsync();
            await file.Released.Task.WaitAsync(http.RequestAborted);
            await http.Response.Body.WriteAsync(file.Content.AsMemory(held));
            return;
        }

        var end = file.BreakAfter is { } bytes && range == 0 ? bytes : file.Content.Length;
        await http.Response.Body.WriteAsync(file.Content.AsMemory(range, end - range));
        await http.Response.Body.FlushAsync();
        if (end < file.Content.Length)
        {
            file.BreakAfter = null;
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
            http.Features.Get<IHttpRequestLifetimeFeature>()!.Abort();
        }
    }

    private sealed class File(byte[] content, TimeSpan wait, string? hash, KnownBy knownBy)
    {
        public string? Hash => hash;

        public byte[] Content => content;

        public TimeSpan Wait => wait;

        public TaskCompletionSource Released { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string? ETag { get; } = knownBy is KnownBy.Tag or KnownBy.WeakTag
            ? $"{(knownBy is KnownBy.WeakTag ? "W/" : "")}\"{Convert.ToHexString(SHA256.HashData(content))[..16]}\"" : null;

        // Files of another length were written at another time.
        public string? LastModified { get; } =
            knownBy is KnownBy.Time ? DateTimeOffset.UnixEpoch.AddSeconds(content.Length).ToString("R") : null;

        public int? BreakAfter { get; set; }

        public int? HoldAfter { get; set; }

        public bool IsStill(string? condition) => condition is { Length: > 0 } && (condition == ETag || condition == LastModified);
    }
}
