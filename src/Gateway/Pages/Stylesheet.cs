using System.Security.Cryptography;

namespace EnvPlatform.Gateway.Pages;

/// <summary>
/// The stylesheet of Identity's pages, at the same address, which holds its hash: it is there also when Identity is not. Another version's
/// is fetched from Identity.
/// </summary>
internal static class Stylesheet
{
    private static readonly byte[] Content = Read();

    public static string Path { get; } = $"/assets/identity-{Convert.ToHexStringLower(SHA256.HashData(Content))[..12]}.css";

    public static void UseStylesheet(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        if (http.Request.Path != Path || !(HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)))
        {
            return next(http);
        }

        http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        return TypedResults.Bytes(Content, "text/css; charset=utf-8").ExecuteAsync(http);
    });

    private static byte[] Read()
    {
        using var stream = typeof(Stylesheet).Assembly.GetManifestResourceStream("assets/identity.css")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
