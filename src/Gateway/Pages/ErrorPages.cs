using System.Text.Json;

namespace EnvPlatform.Gateway.Pages;

/// <summary>
/// People see errors as pages: where a browser asks for one, the problem document of a page's address, whoever wrote it, becomes HTML in
/// the style of the pages. Programs, and whatever asks below the API's addresses, get the document.
/// </summary>
internal static class ErrorPages
{
    private const string Problem = "application/problem+json";

    /// <summary>Where programs ask; everything else is what people see.</summary>
    private static readonly PathString[] OfPrograms =
        ["/api", "/oauth", "/.well-known", "/openapi", "/docs", "/health", "/assets", "/scim"];

    public static void UseErrorPages(this IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        if (!AsksForPage(http.Request))
        {
            await next(http);
            return;
        }

        var body = http.Response.Body;
        await using var held = new HeldProblem(http.Response, body);
        http.Response.Body = held;
        await next(http);
        http.Response.Body = body;
        if (!http.Response.HasStarted && http.Response.StatusCode >= StatusCodes.Status400BadRequest && IsProblem(http.Response))
        {
            var (detail, trace) = Read(held.Bytes);
            await ErrorPage.WriteAsync(http, detail, trace);
        }
    });

    private static bool AsksForPage(HttpRequest http) =>
        (HttpMethods.IsGet(http.Method) || HttpMethods.IsHead(http.Method) || HttpMethods.IsPost(http.Method))
        && http.GetTypedHeaders().Accept.Any(type => type.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase))
        && (http.Path == "/oauth/authorize"
            || !OfPrograms.Any(path => http.Path.StartsWithSegments(path, StringComparison.OrdinalIgnoreCase)));

    private static bool IsProblem(HttpResponse http) => http.ContentType?.StartsWith(Problem, StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>What the document says to people: why, and the number that the operator finds it by; null where it does not.</summary>
    private static (string? Detail, string? Trace) Read(ReadOnlyMemory<byte> document)
    {
        try
        {
            using var read = JsonDocument.Parse(document);
            return (Text("detail"), Text("trace_id"));

            string? Text(string name) => read.RootElement.ValueKind == JsonValueKind.Object
                && read.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
                ? value.GetString() : null;
        }
        catch (JsonException)
        {
            return (null, null);
        }
    }

    /// <summary>Keeps a problem document back, and lets everything else through as it is written.</summary>
    private sealed class HeldProblem(HttpResponse http, Stream next) : Stream
    {
        private readonly MemoryStream _held = new();

        public ReadOnlyMemory<byte> Bytes => _held.GetBuffer().AsMemory(0, (int)_held.Length);

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            await Target.WriteAsync(buffer, cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Write(byte[] buffer, int offset, int count) => Target.Write(buffer, offset, count);

        public override Task FlushAsync(CancellationToken cancellationToken) => Target.FlushAsync(cancellationToken);

        public override void Flush() => Target.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        private Stream Target =>
            !http.HasStarted && http.StatusCode >= StatusCodes.Status400BadRequest && IsProblem(http) ? _held : next;
    }
}
