using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

public static partial class ResourceBuilderExtensions
{
    /// <summary>Gives the connection string as ConnectionStrings__name.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithConnectionString> source, string? connectionName = null,
        bool optional = false) where TDestination : IResourceWithEnvironment
    {
        var name = source.Resource.ConnectionStringEnvironmentVariable ?? $"ConnectionStrings__{connectionName ?? source.Resource.Name}";
        return builder.RelatesTo(source.Resource).WithEnvironment(context => context.EnvironmentVariables[name] = source.Resource);
    }

    /// <summary>Gives the address of every endpoint as services__name__endpoint__0; replicas follow as 1, 2...</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithServiceDiscovery> source) where TDestination : IResourceWithEnvironment =>
        builder.RelatesTo(source.Resource).WithEnvironment(context =>
        {
            foreach (var endpoint in source.Resource.Annotations.OfType<EndpointAnnotation>())
                Tell(context, source.Resource, endpoint);
        });

    /// <summary>Gives the address of that endpoint as services__name__endpoint__0; replicas follow as 1, 2...</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, EndpointReference endpointReference) where TDestination : IResourceWithEnvironment =>
        builder.RelatesTo(endpointReference.Resource).WithEnvironment(
            context => Tell(context, endpointReference.Resource, endpointReference.EndpointAnnotation));

    private static IResourceBuilder<T> RelatesTo<T>(this IResourceBuilder<T> builder, IResource resource) where T : IResource =>
        builder.WithAnnotation(new ResourceRelationshipAnnotation(resource, "Reference"));

    private static void Tell(EnvironmentCallbackContext context, IResource resource, EndpointAnnotation endpoint)
    {
        for (var i = 0; i < endpoint.InstancePorts.Count; i++)
            context.EnvironmentVariables[$"services__{resource.Name}__{endpoint.Name}__{i}"] = endpoint.UrlOf(i);
    }
}
