using System.Security.Cryptography;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Pages;

/// <summary>The stylesheet of the pages. Its address holds its hash, so that browsers may keep it and still get the next one.</summary>
internal static class Stylesheet
{
    private static readonly byte[] Content = Read();

    public static string Path { get; } = $"/assets/identity-{Convert.ToHexStringLower(SHA256.HashData(Content))[..12]}.css";

    internal static void MapStylesheet(this IEndpointRouteBuilder app) =>
        app.MapGet("/assets/{name}", Handle).RequireAuthorization(Access.Forwarded).ExcludeFromDescription();

    private static IResult Handle(string name, HttpResponse http)
    {
        if (!Path.EndsWith($"/{name}", StringComparison.Ordinal))
        {
            return TypedResults.NotFound();
        }

        http.Headers.CacheControl = "public, max-age=31536000, immutable";
        http.Headers.XContentTypeOptions = "nosniff";
        return TypedResults.Bytes(Content, "text/css; charset=utf-8");
    }

    private static byte[] Read()
    {
        using var stream = typeof(Stylesheet).Assembly.GetManifestResourceStream("assets/identity.css")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
