using System.Collections.Concurrent;
using System.Security.Cryptography;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>A publisher of files over HTTP that knows entity tags and ranges, and breaks off when it is told to.</summary>
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
    public void Publish(string path, byte[] content, int? breakAfter = null, TimeSpan? wait = null) => files[path] = new(content, wait ?? TimeSpan.Zero) { BreakAfter = breakAfter };

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

        if (range > 0)
        {
            http.Response.Headers.ContentRange = $"bytes {range}-{file.Content.Length - 1}/{file.Content.Length}";
        }

        http.Response.ContentLength = file.Content.Length - range;
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

    private sealed class File(byte[] content, TimeSpan wait)
    {
        public byte[] Content => content;

        public TimeSpan Wait => wait;

        public string ETag { get; } = $"\"{Convert.ToHexString(SHA256.HashData(content))[..16]}\"";

        public int? BreakAfter { get; set; }
    }
}
