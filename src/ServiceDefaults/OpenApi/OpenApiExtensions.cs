using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.ServiceDefaults.OpenApi;

/// <summary>The OpenAPI document of a service, at <c>/openapi/v1.json</c>; the gateway merges them all.</summary>
internal static class OpenApiExtensions
{
    public static void AddDescription(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.CreateSchemaReferenceId = SchemaDescription.Name;
        options.AddSchemaTransformer(SchemaDescription.CompleteAsync);
        options.AddOperationTransformer(OperationDescription.CompleteAsync);
    });
}
