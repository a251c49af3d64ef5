using System.Collections.Concurrent;
using System.Security.Cryptography;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>A publisher of files over HTTP that knows entity tags and ranges, and breaks off or falls silent when it is told to.</summary>
internal sealed class FeedServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, File> files = new(StringComparer.Ordinal);

    private FeedServer(WebApplication app) => this.app = app;

    public sealed record Asked(string Path, string? Range, string? IfRange, string? IfNoneMatch, int Status);

    public ConcurrentQueue<Asked> Requests { get; } = new();

    public string Address => app.Urls.First();

    public static async Task<FeedServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = new FeedServer(builder.Build());
        server.app.Run(server.AnswerAsync);
        await server.app.StartAsync();
        return server;
    }

    /// <param name="breakAfter">The next whole answer ends without a word after so many bytes.</param>
    /// <param name="holdAfter">The next whole answer falls silent after so many bytes, until <see cref="Release"/>.</param>
    /// <param name="hash">The header <c>x-goog-hash</c>.</param>
    public void Publish(string path, byte[] content, int? breakAfter = null, TimeSpan? wait = null, int? holdAfter = null, string? hash = null) =>
        files[path] = new(content, wait ?? TimeSpan.Zero, hash) { BreakAfter = breakAfter, HoldAfter = holdAfter };

    /// <summary>Lets the answers that fell silent go on.</summary>
    public void Release(string path) => files[path].Released.TrySetResult();

    public Asked[] RequestsFor(string path) => [.. Requests.Where(asked => asked.Path == path)];

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        var headers = http.Request.Headers;
        var file = files.GetValueOrDefault(path);
        var range = file is not null && headers.IfRange == file.ETag && headers.Range.ToString() is ['b', 'y', 't', 'e', 's', '=', .. var from, '-'] ? int.Parse(from, null) : 0;
        http.Response.StatusCode = file is null ? 404 : headers.IfNoneMatch == file.ETag ? 304 : range > 0 ? 206 : 200;
        Requests.Enqueue(new(path, headers.Range, headers.IfRange, headers.IfNoneMatch, http.Response.StatusCode));
        if (file is null)
        {
            return;
        }

        await Task.Delay(file.Wait, TimeProvider.System);
        http.Response.Headers.ETag = file.ETag;
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

    private sealed class File(byte[] content, TimeSpan wait, string? hash)
    {
        public string? Hash => hash;

        public TaskCompletionSource Released { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public byte[] Content => content;

        public TimeSpan Wait => wait;

        public string ETag { get; } = $"\"{Convert.ToHexString(SHA256.HashData(content))[..16]}\"";

        public int? BreakAfter { get; set; }

        public int? HoldAfter { get; set; }
    }
}
