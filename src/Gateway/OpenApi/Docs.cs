namespace EnvPlatform.Gateway.OpenApi;

/// <summary>The page for reading and trying the API, at <c>/docs</c>; everything it loads comes from the gateway.</summary>
internal static class Docs
{
    public const string Path = "docs";

    public static void UseDocs(this WebApplication app) => app.UseSwaggerUI(page =>
    {
        page.RoutePrefix = Path;
        page.DocumentTitle = "EnvPlatform API";
        page.SwaggerEndpoint(MergedOpenApi.Path, "EnvPlatform");
        page.EnableDeepLinking();
        page.DisplayRequestDuration();
    });
}
